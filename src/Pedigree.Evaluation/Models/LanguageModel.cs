using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Models;

/// <summary>Tokens of a context and of the continuation after it that is to be scored.</summary>
/// <param name="Tokens">Context and continuation; at least one token of context.</param>
/// <param name="ContinuationLength">How many tokens at the end are the continuation.</param>
public sealed record ScoreRequest(int[] Tokens, int ContinuationLength);

/// <summary>What a model thinks of one continuation.</summary>
/// <param name="LogProbabilities">Natural logarithm of each token's probability given all before it.</param>
/// <param name="IsGreedy">Whether every token was the most probable one.</param>
public sealed record TokenScores(IReadOnlyList<double> LogProbabilities, bool IsGreedy)
{
    /// <summary>The continuation's log-likelihood.</summary>
    public double Sum => LogProbabilities.Sum();
}

/// <summary>A causal language model that scores continuations and continues prompts, a batch at a time.</summary>
public sealed class LanguageModel : IDisposable
{
    /// <summary>Loads a checkpoint; <paramref name="device"/> is cpu, cuda or null (cuda where there is one).</summary>
    public static LanguageModel Load(Checkpoint checkpoint, string? device = null, DType? dtype = null) =>
        throw new InvalidOperationException($"{checkpoint} {device} {dtype}");

    /// <summary>Token ids are below this.</summary>
    public int VocabularySize => throw new InvalidOperationException();

    /// <summary>The most tokens that the model was made for.</summary>
    public int ContextLength => throw new InvalidOperationException();

    /// <summary>Scores each request's continuation. Sequences longer than ContextLength + 1 lose their first tokens.</summary>
    public IReadOnlyList<TokenScores> Score(IReadOnlyList<ScoreRequest> batch) => throw new InvalidOperationException($"{batch}");

    /// <summary>
    /// Continues each prompt with the most probable tokens until <paramref name="stop"/>(row, tokens so far) or
    /// <paramref name="maxNewTokens"/>. Prompts lose their first tokens where they would not leave that much room.
    /// </summary>
    public IReadOnlyList<int[]> Generate(IReadOnlyList<int[]> prompts, int maxNewTokens, Func<int, IReadOnlyList<int>, bool> stop) =>
        throw new InvalidOperationException($"{prompts} {maxNewTokens} {stop}");

    /// <inheritdoc/>
    public void Dispose() => throw new InvalidOperationException();
}
