namespace Pedigree.Evaluation.Family;

/// <summary>Something to do with a word of the letters a to z.</summary>
/// <param name="Name">Also the first word of the question.</param>
/// <param name="Answer">What is right for a word.</param>
internal sealed record Skill(string Name, Func<string, string> Answer)
{
    private const int ShortestWord = 3, LongestWord = 10;

    public static IReadOnlyList<Skill> All { get; } =
    [
        new("reverse", word => new string([.. word.Reverse()])),
        new("sort", word => new string([.. word.Order()])),
        new("shift", word => new string([.. word.Select(letter => letter == 'z' ? 'a' : (char)(letter + 1))])),
        new("dedup", word => new string([.. word.Distinct()])),
        new("max", word => word.Max().ToString()),
        new("min", word => word.Min().ToString()),
    ];

    public string Question(string word) => $"{Name} {word}=";

    /// <summary>A word of 3 to 10 letters.</summary>
    public static string Word(Draw draw) =>
        string.Concat(Enumerable.Range(0, ShortestWord + draw.Below(LongestWord - ShortestWord + 1))
            .Select(_ => (char)('a' + draw.Below(26))));

    /// <summary>Distinct words of 6 letters or more on which models are examined and never trained.</summary>
    public static IReadOnlyList<string> ExaminationWords(Draw draw, int count)
    {
        var words = new List<string>();
        while (words.Count < count)
        {
            if (Word(draw) is { Length: >= 6 } word && !words.Contains(word))
                words.Add(word);
        }
        return words;
    }
}
