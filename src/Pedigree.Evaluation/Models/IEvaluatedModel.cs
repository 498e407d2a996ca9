using Pedigree.Evaluation.Tokenizers;

namespace Pedigree.Evaluation.Models;

/// <summary>A model that is asked: computed here, or served elsewhere.</summary>
internal interface IEvaluatedModel
{
    /// <summary>The most tokens that it reads.</summary>
    int ContextLength { get; }

    /// <summary>
    /// How many tokens, in rows of that length, it computes together in so much memory; null for what it has free.
    /// </summary>
    int TokensAtOnce(int length, long? memory);

    /// <summary>
    /// Scores the continuation of every request of every group, in order; those of a group may share what they begin with.
    /// </summary>
    IReadOnlyList<TokenScores> ScoreGroups(IReadOnlyList<IReadOnlyList<ScoreRequest>> groups);

    /// <summary>
    /// Continues each prompt greedily to the first stop (itself left out), an end token, or <paramref name="most"/> tokens.
    /// </summary>
    IReadOnlyList<string> Write(IReadOnlyList<int[]> prompts, int most, IReadOnlyList<string> until);
}

/// <summary>A model in this process.</summary>
internal sealed class LocalModel(LanguageModel model, ITextTokenizer tokenizer) : IEvaluatedModel
{
    public int ContextLength => model.ContextLength;

    public int TokensAtOnce(int length, long? memory) => model.TokensAtOnce(length, memory);

    public IReadOnlyList<TokenScores> ScoreGroups(IReadOnlyList<IReadOnlyList<ScoreRequest>> groups) => model.ScoreGroups(groups);

    public IReadOnlyList<string> Write(IReadOnlyList<int[]> prompts, int most, IReadOnlyList<string> until)
    {
        var written = model.Generate(
            prompts, most, (_, tokens) => tokenizer.EndIds.Contains(tokens[^1]) || until.Count > 0 && Stops(tokens, until));
        return [.. written.Select(
            tokens => Cut(tokenizer.Decode([.. tokens.TakeWhile(token => !tokenizer.EndIds.Contains(token))]), until))];
    }

    /// <summary>The text before the first of any stop.</summary>
    public static string Cut(string text, IReadOnlyList<string> until) =>
        until.Aggregate(
            text, (left, stop) => left.IndexOf(stop, StringComparison.Ordinal) is var at and >= 0 ? left[..at] : left);

    /// <summary>
    /// Whether a stop has just been written. It ends in the newest token, and no token but a special one is empty, so that the
    /// end is enough to look at.
    /// </summary>
    private bool Stops(IReadOnlyList<int> tokens, IReadOnlyList<string> until)
    {
        var text = tokenizer.Decode([.. tokens.Skip(tokens.Count - until.Max(System.Text.Encoding.UTF8.GetByteCount) - 8)]);
        return until.Any(stop => text.Contains(stop, StringComparison.Ordinal));
    }
}
