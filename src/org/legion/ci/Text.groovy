package org.legion.ci

import com.cloudbees.groovy.cps.NonCPS

/** Pure functions on text: quoting for sh, names that are safe in paths, the nearest known word. */
class Text implements Serializable {
    private static final long serialVersionUID = 1L

    /** One word for a POSIX shell, whatever is in it. */
    @NonCPS
    static String quote(Object word) {
        return "'" + word.toString().replace("'", "'\\''") + "'"
    }

    /** A run id made of a build tag. */
    @NonCPS
    static String safe(String name) {
        return name.replaceAll('[^A-Za-z0-9._-]', '-').replaceAll('^[^A-Za-z0-9]+', '')
    }

    /** The last line that is not blank. */
    @NonCPS
    static String lastLine(String text) {
        List<String> lines = text.trim().split('\n') as List<String>
        return lines[lines.size() - 1].trim()
    }

    /** The known word that begins with the word, else the one with the fewest differing letters. */
    @NonCPS
    static String nearest(String word, List<String> known) {
        for (String one : known) {
            if (one.startsWith(word)) { return one }
        }
        String best = known[0]
        for (String one : known) {
            if (distance(word, one) < distance(word, best)) { best = one }
        }
        return best
    }

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
