using Pedigree.Evaluation.Models;
using static TorchSharp.torch;

namespace Pedigree.Evaluation.Family;

/// <summary>
/// Endless examples: of one skill, and with probability <paramref name="rehearsal"/> of any; never an examination word.
/// </summary>
internal sealed class Lessons(IReadOnlyList<Skill> skills, Skill? own, double rehearsal, HashSet<string> examination, Draw draw)
{
    /// <summary>The target of a token whose successor is not asked for.</summary>
    public const long Unasked = -100;

    /// <summary>Questions with answers.</summary>
    /// <returns>Tokens, and the next token of each where it is part of an answer, [batch, tokens].</returns>
    public (TokenGrid Grid, Tensor Targets) Batch(int size)
    {
        var examples = Enumerable.Range(0, size).Select(_ => Example()).ToList();
        var grid = new TokenGrid([.. examples.Select(example => (Stretch[])[new(example.Tokens[..^1], 0)])]);
        var targets = new long[size * grid.Width];
        Array.Fill(targets, Unasked);
        foreach (var (row, (tokens, answerLength)) in examples.Index())
        {
            for (var i = tokens.Length - answerLength; i < tokens.Length; i++)
                targets[grid.Place(row, 0, i - 1)] = tokens[i];
        }
        return (grid, tensor(targets, [size, grid.Width]));
    }

    private (int[] Tokens, int AnswerLength) Example()
    {
        var skill = own is null || draw.Fraction() < rehearsal ? skills[draw.Below(skills.Count)] : own;
        string word;
        do
            word = Skill.Word(draw);
        while (examination.Contains(word));
        var answer = skill.Answer(word) + "\n";
        return (Characters.Encode(skill.Question(word) + answer), answer.Length);
    }
}
