namespace Pedigree.Evaluation.Jinja;

/// <summary>A template that is wrong, or does not fit the values it is given.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="line">Line in the template, from 1; 0 where it is not known yet.</param>
internal sealed class JinjaException(string message, int line = 0) : Exception(message)
{
    public int Line { get; } = line;
}
