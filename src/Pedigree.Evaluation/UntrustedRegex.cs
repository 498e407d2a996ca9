using System.Text.RegularExpressions;

namespace Pedigree.Evaluation;

/// <summary>
/// Regular expressions from files of others. Some take longer than anyone lives on some texts, so that each match
/// is given up after a while.
/// </summary>
internal static class UntrustedRegex
{
    /// <summary>How long a match may take.</summary>
    public static TimeSpan LongestMatch { get; set; } = TimeSpan.FromSeconds(10);

    /// <exception cref="ArgumentException">It is not a regular expression.</exception>
    public static Regex Of(string expression) => new(expression, RegexOptions.CultureInvariant, LongestMatch);

    /// <summary>What is to be said of an expression that was given up.</summary>
    public static string TooSlow(RegexMatchTimeoutException error) =>
        $"the regular expression {error.Pattern} takes more than {error.MatchTimeout.TotalSeconds:0.###} "
        + "seconds on a text; a simpler one would be right";
}
