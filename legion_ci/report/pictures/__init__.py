"""Pictures as SVG files that carry their own styles, light and dark, drawn without any library."""
