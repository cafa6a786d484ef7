"""What every other part stands on: errors, plug-ins, records, the shell, secrets, progress, the site's folders."""
