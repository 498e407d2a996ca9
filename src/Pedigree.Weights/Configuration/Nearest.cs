namespace Pedigree.Weights.Configuration;

/// <summary>Finds what a misspelt word was probably meant to be.</summary>
public static class Nearest
{
    /// <summary>
    /// The candidate at the smallest Damerau–Levenshtein distance (insertions, deletions, substitutions, swaps of neighbours),
    /// ignoring case; ties by ordinal order. Null where more than a third of the longer word would change.
    /// </summary>
    public static string? To(string word, IEnumerable<string> candidates)
    {
        var (best, bestDistance) = ((string?)null, int.MaxValue);
        if (word.Length > 100)
            return null;
        foreach (var candidate in candidates.Where(candidate => candidate.Length <= 100).Order(StringComparer.Ordinal))
        {
            var distance = Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (distance < bestDistance && 3 * distance <= Math.Max(word.Length, candidate.Length))
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    // The restricted distance: no part is edited twice.
    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
