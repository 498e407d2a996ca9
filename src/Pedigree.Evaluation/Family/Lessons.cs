using static TorchSharp.torch;

namespace Pedigree.Evaluation.Family;

/// <summary>Endless examples: of one skill, and with probability <paramref name="rehearsal"/> of any; never an examination word.</summary>
internal sealed class Lessons(IReadOnlyList<Skill> skills, Skill? own, double rehearsal, HashSet<string> examination, Draw draw)
{
    /// <summary>The target of a token whose successor is not asked for.</summary>
    public const long Unasked = -100;

    /// <summary>Questions with answers, padded on the left.</summary>
    /// <returns>Tokens [batch, tokens], padding of each row, and the next token of each where it is part of an answer.</returns>
    public (Tensor Tokens, IReadOnlyList<int> Paddings, Tensor Targets) Batch(int size)
    {
        var examples = Enumerable.Range(0, size).Select(_ => Example()).ToList();
        var longest = examples.Max(example => example.Tokens.Length) - 1;
        var tokens = new long[size * longest];
        var targets = new long[size * longest];
        Array.Fill(targets, Unasked);
        for (var row = 0; row < size; row++)
        {
            var (example, answerLength) = examples[row];
            for (var i = 0; i + 1 < example.Length; i++)
            {
                var place = (row + 1) * longest - (example.Length - 1) + i;
                tokens[place] = example[i];
                if (i + 1 >= example.Length - answerLength)
                    targets[place] = example[i + 1];
            }
        }
        return (tensor(tokens, [size, longest]), [.. examples.Select(example => longest - (example.Tokens.Length - 1))],
            tensor(targets, [size, longest]));
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
