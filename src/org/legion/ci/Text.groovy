package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Pure functions on text: quoting for sh, names that are safe in paths, the nearest known word. */
class Text implements Serializable {
    private static final long serialVersionUID = 1L
    private static final int LONGEST_RUN_ID = 120

    /** One word for a POSIX shell, whatever is in it. */
    @NonCPS
    static String quote(Object word) {
        return "'" + word.toString().replace("'", "'\\''") + "'"
    }

    /** A run's id made of a build's tag. The end is kept of a long one, since the build's number is there. */
    @NonCPS
    static String runId(String tag) {
        String safe = tag.replaceAll('[^A-Za-z0-9._-]', '-')
        String end = safe.substring(Math.max(0, safe.length() - LONGEST_RUN_ID))
        return end.replaceAll('^[._-]+', '') ?: 'jenkins'
    }

    /** The folder of a file in the workspace, with a slash at its end; empty for the workspace itself. */
    @NonCPS
    static String parent(String file) { return file.substring(0, file.lastIndexOf('/') + 1).replaceFirst('^(\\./+)+', '') }

    /** The last line of what a program printed. */
    @NonCPS
    static String lastLine(String printed) {
        String text = printed.trim()
        return text.substring(text.lastIndexOf('\n') + 1).trim()
    }

    /** The known word that begins with the word, else the one with the fewest differing letters. */
    @NonCPS
    static String nearest(String word, List<String> known) {
        return known.find { it.startsWith(word) } ?: known.min { distance(word, it) }
    }

    /** How many letters must be put in, left out or changed (Levenshtein 1966), by one row of the table. */
    @NonCPS
    private static int distance(String a, String b) {
        int[] row = (0..b.length()) as int[]
        for (int i = 1; i <= a.length(); i++) {
            int corner = row[0]
            row[0] = i
            for (int j = 1; j <= b.length(); j++) {
                int change = corner + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1)
                corner = row[j]
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1)
            }
        }
        return row[b.length()]
    }
}
