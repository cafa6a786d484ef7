"""What plug-in authors run on theirs: one pytest class a protocol, the same that the built-in plug-ins are put through."""
