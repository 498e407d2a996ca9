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
    /// <summary>Logits held at once, in numbers: a vocabulary for each of a few positions, never for all of a batch.</summary>
    private const int LogitsAtOnce = 1 << 24;

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

    /// <summary>Scores each request's continuation, each as a sequence of its own.</summary>
    /// <inheritdoc cref="ScoreGroups"/>
    public IReadOnlyList<TokenScores> Score(IReadOnlyList<ScoreRequest> batch) => ScoreGroups([.. batch.Select(request => (IReadOnlyList<ScoreRequest>)[request])]);

    /// <summary>
    /// Scores each request's continuation. The requests of a group share what they begin with: it is read once, and its keys and
    /// values are those of all. Sequences longer than <see cref="ContextLength"/> + 1 lose their first tokens, since the last token is
    /// only predicted, never read.
    /// </summary>
    /// <param name="groups">Requests computed together, padded to the longest: of similar lengths, for speed.</param>
    /// <returns>One a request, in order.</returns>
    public IReadOnlyList<TokenScores> ScoreGroups(IReadOnlyList<IReadOnlyList<ScoreRequest>> groups)
    {
        var rows = groups.Select(group => group.Select(Shortened).ToList()).Where(group => group.Count > 0).ToList();
        if (rows.Count == 0)
            return [];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        // Where angles depend on the length, keys cannot be shared among sequences of different lengths.
        int[] shared = [.. rows.Select(group => config.Rotary.DependsOnLength || group.Count == 1 ? 0 : SharedLength(group))];
        List<(int[] Tokens, int Length)> parts = [.. rows.SelectMany((group, i) => group.Select(row => (row.Tokens[shared[i]..], row.ContinuationLength)))];
        int[] owners = [.. rows.SelectMany((group, i) => Enumerable.Repeat(i, group.Count))];
        int[] paddings = [.. owners.Select(_ => 0)];
        var longest = parts.Max(part => part.Tokens.Length) - 1;
        using var cache = shared.Max() == 0 ? null : new KeyValueCache(config, rows.Count, shared.Max() + longest, type, device);
        if (cache is not null)
        {
            var (prefixes, own) = Pad([.. rows.Select((group, i) => group[0].Tokens[..shared[i]])]);
            transformer.Forward(prefixes, own, cache).Dispose();
            paddings = [.. owners.Select(owner => own[owner])];
            if (owners.Length > rows.Count)
                cache.Keep(owners);
        }
        return config.Rotary.DependsOnLength ? ScoreParts(parts, null) : ScoreParts(parts, cache, paddings);
    }

    private ScoreRequest Shortened(ScoreRequest request)
    {
        var tokens = request.Tokens.Length > ContextLength + 1 ? request.Tokens[^(ContextLength + 1)..] : request.Tokens;
        return request.ContinuationLength < tokens.Length ? request with { Tokens = tokens }
            : throw new ArgumentException("a continuation must leave at least one token of context within the context length");
    }

    /// <summary>How many tokens all begin with, before the last token of any context: that one is read with the continuation.</summary>
    private static int SharedLength(List<ScoreRequest> group)
    {
        var length = group.Min(row => row.Tokens.Length - row.ContinuationLength) - 1;
        return group.Skip(1).Aggregate(length, (shared, row) =>
            Math.Min(shared, row.Tokens.AsSpan(0, shared).CommonPrefixLength(group[0].Tokens.AsSpan(0, shared))));
    }

    /// <summary>Scores the ends of sequences, of which the cache holds the beginnings; without one, padded on the left, whole ones.</summary>
    private List<TokenScores> ScoreParts(List<(int[] Tokens, int Length)> parts, KeyValueCache? cache, IReadOnlyList<int>? paddings = null)
    {
        var (tokens, left) = Pad([.. parts.Select(part => part.Tokens[..^1])], right: paddings is not null);
        var hidden = transformer.Forward(tokens, paddings ?? left, cache);              // [parts, longest, width]
        var width = tokens.shape[1];
        long[] places = [.. parts.SelectMany((part, row) => Enumerable.Range(part.Tokens.Length - 1 - part.Length, part.Length)
            .Select(place => row * width + place + (paddings is null ? left[row] : 0)))];
        long[] targets = [.. parts.SelectMany(part => part.Tokens[^part.Length..].Select(token => (long)token))];
        var chosen = hidden.view(-1, config.Width).index_select(0, tensor(places, device: device));          // [n, width]
        var (logProbabilities, greedy) = (new List<double>(places.Length), new List<bool>(places.Length));
        var most = Math.Max(1, LogitsAtOnce / config.VocabularySize);
        for (var start = 0; start < places.Length; start += most)
        {
            using var portion = NewDisposeScope();
            var count = Math.Min(most, places.Length - start);
            var wanted = tensor(targets[start..(start + count)], device: device).unsqueeze(1);                // [count, 1]
            var logits = nn.functional.log_softmax(transformer.Logits(chosen.narrow(0, start, count)), 1);    // [count, vocabulary]
            logProbabilities.AddRange(logits.gather(1, wanted).to(float64).cpu().data<double>().ToArray());
            greedy.AddRange(logits.argmax(1).eq(wanted.squeeze(1)).cpu().data<bool>().ToArray());
        }
        var next = 0;
        return [.. parts.Select(part =>
        {
            var range = next..(next += part.Length);
            return new TokenScores(logProbabilities[range], greedy[range].TrueForAll(equal => equal));
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
            var last = transformer.Forward(tokens, paddings, cache).select(1, tokens.shape[1] - 1);          // [batch, width]
            var next = transformer.Logits(last).argmax(1).to(ScalarType.Int32).cpu().data<int>().ToArray();
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

    /// <summary>Rows of token ids → int64 [batch, longest], zeros on the left (or right) where a row is shorter.</summary>
    private (Tensor Tokens, IReadOnlyList<int> Paddings) Pad(IReadOnlyList<int[]> rows, bool right = false)
    {
        var longest = rows.Max(row => row.Length);
        var padded = new long[rows.Count * longest];
        for (var row = 0; row < rows.Count; row++)
        {
            var start = right ? row * longest : (row + 1) * longest - rows[row].Length;
            for (var i = 0; i < rows[row].Length; i++)
                padded[start + i] = rows[row][i];
        }
        return (tensor(padded, [rows.Count, longest], device: device), [.. rows.Select(row => longest - row.Length)]);
    }
}
