using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

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

    /// <summary>What a model thinks of several stretches of one text.</summary>
    public static TokenScores Joined(IEnumerable<TokenScores> parts) => parts.ToList() is [var single] ? single
        : new([.. parts.SelectMany(part => part.LogProbabilities)], parts.All(part => part.IsGreedy));
}

/// <summary>A causal language model that scores continuations and continues prompts, a batch at a time.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly TransformerConfig config;
    private readonly IReadOnlyDictionary<string, Tensor> weights;
    private readonly Transformer transformer;
    private readonly Device device;
    private readonly ScalarType type;

    private LanguageModel(TransformerConfig config, IReadOnlyDictionary<string, Tensor> weights, Device device, ScalarType type)
    {
        this.config = config;
        this.weights = weights;
        this.device = device;
        this.type = type;
        transformer = new Transformer(config, weights);
    }

    /// <summary>Loads a checkpoint of the architecture Llama, Mistral or Qwen2; the checkpoint may be closed afterwards.</summary>
    /// <param name="checkpoint">An open checkpoint.</param>
    /// <param name="device">cpu, cuda or cuda:1 and so on; null for cuda where there is one and else cpu.</param>
    /// <param name="dtype">F32, BF16 or F16 to compute in; null for F32 on a CPU and BF16 on CUDA.</param>
    /// <exception cref="BadInputException">config.json asks for what cannot be computed, or a tensor does not fit it.</exception>
    public static LanguageModel Load(Checkpoint checkpoint, string? device = null, DType? dtype = null)
    {
        var config = TransformerConfig.Read(checkpoint.Config, Path.Combine(checkpoint.Folder, "config.json"));
        var where = new Device(device ?? (cuda.is_available() ? "cuda" : "cpu"));
        var type = dtype switch
        {
            null => where.type == DeviceType.CUDA ? ScalarType.BFloat16 : ScalarType.Float32,
            DType.F32 => ScalarType.Float32,
            DType.BF16 => ScalarType.BFloat16,
            DType.F16 => ScalarType.Float16,
            _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "F32, BF16 or F16 would be right"),
        };
        return new LanguageModel(config, WeightLoader.Load(checkpoint, config, type, where), where, type);
    }

    /// <summary>Token ids are below this.</summary>
    public int VocabularySize => config.VocabularySize;

    /// <summary>The most tokens that the model was made for.</summary>
    public int ContextLength => config.ContextLength;

    /// <summary>
    /// Scores each request's continuation. Sequences longer than <see cref="ContextLength"/> + 1 lose their first tokens, since
    /// the last token is only predicted, never read.
    /// </summary>
    /// <param name="batch">Requests computed together, padded to the longest: of similar lengths, for speed.</param>
    public IReadOnlyList<TokenScores> Score(IReadOnlyList<ScoreRequest> batch)
    {
        if (batch.Count == 0)
            return [];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var rows = batch.Select(request => request.Tokens.Length > ContextLength + 1 ? request.Tokens[^(ContextLength + 1)..]
            : request.Tokens).ToList();
        var lengths = rows.Zip(batch, (row, request) => request.ContinuationLength <= row.Length - 1
            ? request.ContinuationLength
            : throw new ArgumentException("a continuation must leave at least one token of context within the context length")).ToList();
        var last = Math.Max(1, lengths.Max());
        var (tokens, paddings) = Pad(rows.Select(row => row[..^1]).ToList());
        var logProbabilities = nn.functional.log_softmax(transformer.Forward(tokens, paddings, null, last), 2);  // [batch, last, vocabulary]
        var targets = Pad(rows.Select(row => row[Math.Max(0, row.Length - last)..]).ToList()).Tokens;            // [batch, last]
        var chosen = logProbabilities.gather(2, targets.unsqueeze(2)).to(float64).cpu().data<double>().ToArray();
        var greedy = logProbabilities.argmax(2).eq(targets).cpu().data<bool>().ToArray();
        return [.. lengths.Select((length, row) =>
        {
            var range = new Range((row + 1) * last - length, (row + 1) * last);
            return new TokenScores(chosen[range], greedy[range].All(equal => equal));
        })];
    }

    /// <summary>
    /// Continues each prompt with the most probable tokens (the first of equals) until <paramref name="stop"/> says so of a row
    /// and its new tokens, or there are <paramref name="maxNewTokens"/>. Prompts lose their first tokens where they would not
    /// leave that much room in the context.
    /// </summary>
    /// <returns>Each row's new tokens, the one at which it was stopped included.</returns>
    public IReadOnlyList<int[]> Generate(IReadOnlyList<int[]> prompts, int maxNewTokens, Func<int, IReadOnlyList<int>, bool> stop)
    {
        var room = ContextLength - maxNewTokens;
        if (room < 1)
            throw new ArgumentOutOfRangeException(nameof(maxNewTokens), maxNewTokens, $"must be below the context length, {ContextLength}");
        var written = prompts.Select(_ => new List<int>()).ToList();
        var active = Enumerable.Range(0, maxNewTokens > 0 ? prompts.Count : 0).ToList();
        if (active.Count == 0)
            return [.. written.Select(row => row.ToArray())];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var rows = prompts.Select(prompt => prompt.Length > room ? prompt[^room..] : prompt).ToList();
        var (tokens, paddings) = Pad(rows);
        using var cache = config.Rotary.DependsOnLength ? null
            : new KeyValueCache(config, active.Count, tokens.shape[1] + maxNewTokens, type, device);
        while (true)
        {
            using var step = NewDisposeScope();
            var next = transformer.Forward(tokens, paddings, cache, 1).argmax(2).to(ScalarType.Int32).cpu().data<int>().ToArray();
            var staying = new List<int>();                                            // places in this step's batch
            for (var place = 0; place < active.Count; place++)
            {
                var row = written[active[place]];
                row.Add(next[place]);
                if (row.Count < maxNewTokens && !stop(active[place], row))
                    staying.Add(place);
            }
            if (staying.Count == 0)
                return [.. written.Select(row => row.ToArray())];
            if (staying.Count < active.Count)
                cache?.Keep(staying);
            paddings = [.. staying.Select(place => paddings[place])];
            active = [.. staying.Select(place => active[place])];
            if (cache is null)
                (tokens, paddings) = Pad([.. active.Select(row => (int[])[.. rows[row], .. written[row]])]);
            else
                tokens = Pad([.. active.Select(row => new[] { written[row][^1] })]).Tokens;
            tokens.MoveToOuterDisposeScope();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var weight in weights.Values)
            weight.Dispose();
    }

    /// <summary>Rows of token ids → int64 [batch, longest], zeros on the left where a row is shorter.</summary>
    private (Tensor Tokens, IReadOnlyList<int> Paddings) Pad(IReadOnlyList<int[]> rows)
    {
        var longest = rows.Max(row => row.Length);
        var padded = new long[rows.Count * longest];
        for (var row = 0; row < rows.Count; row++)
        {
            for (var i = 0; i < rows[row].Length; i++)
                padded[(row + 1) * longest - rows[row].Length + i] = rows[row][i];
        }
        return (tensor(padded, [rows.Count, longest], device: device), [.. rows.Select(row => longest - row.Length)]);
    }
}
