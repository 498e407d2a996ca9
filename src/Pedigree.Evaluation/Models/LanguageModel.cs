using System.Text.Json.Nodes;
using Pedigree.Evaluation.Residents;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Evaluation.Models;

/// <summary>Tokens of a context and of the continuation after it that is to be scored.</summary>
/// <param name="Tokens">Context and continuation; at least one token of context.</param>
/// <param name="ContinuationLength">How many tokens at the end are the continuation.</param>
public sealed record ScoreRequest(int[] Tokens, int ContinuationLength)
{
    /// <summary>
    /// How many tokens all requests of a group begin with, before the last token of any context: that one is
    /// read with the continuation.
    /// </summary>
    public static int SharedLength(IReadOnlyList<ScoreRequest> group)
    {
        if (group.Count < 2)
            return 0;
        var first = group[0].Tokens;
        return group.Skip(1).Aggregate(group.Min(row => row.Tokens.Length - row.ContinuationLength) - 1, (shared, row) =>
            row.Tokens.AsSpan(0, shared).CommonPrefixLength(first.AsSpan(0, shared)));
    }

    /// <summary>How many tokens are read for a group: what is shared, and what each goes on with.</summary>
    public static int TokensRead(IReadOnlyList<ScoreRequest> group) =>
        SharedLength(group) is var shared ? shared + group.Sum(row => row.Tokens.Length - 1 - shared) : 0;
}

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

    private readonly TransformerConfig _config;
    private readonly IReadOnlyDictionary<string, Tensor> _weights;
    private readonly Transformer _transformer;
    private readonly Device _device;
    private readonly ScalarType _type;
    private readonly JsonNode _configJson;

    private string _name;

    private LanguageModel(TransformerConfig config, IReadOnlyDictionary<string, Tensor> weights, Device device, ScalarType type,
        Checkpoint checkpoint)
    {
        _name = checkpoint.Address;
        _configJson = checkpoint.Config.DeepClone();
        _config = config;
        _weights = weights;
        _device = device;
        _type = type;
        _transformer = new Transformer(config, weights);
    }

    /// <summary>
    /// Loads a checkpoint of an architecture that <see cref="ConfigReader"/> knows; the checkpoint may be closed afterwards.
    /// </summary>
    /// <param name="checkpoint">An open checkpoint.</param>
    /// <param name="device">cpu, cuda or cuda:1 and so on; null for cuda where there is one and else cpu.</param>
    /// <param name="dtype">F32, BF16 or F16 to compute in; null for F32 on a CPU and BF16 on CUDA.</param>
    /// <exception cref="BadInputException">config.json asks for what cannot be computed, or a tensor does not fit it.</exception>
    public static LanguageModel Load(Checkpoint checkpoint, string? device = null, DType? dtype = null)
    {
        var config = ConfigReader.Read(checkpoint);
        var (where, type) = Where(device, dtype);
        return new LanguageModel(config, WeightLoader.Load(checkpoint, config, type, where), where, type, checkpoint);
    }

    /// <summary>A model in a device's memory, which must stay there.</summary>
    /// <param name="resident">The model.</param>
    /// <param name="opened">The same as a checkpoint.</param>
    /// <param name="dtype">As for <see cref="Load"/>.</param>
    /// <exception cref="BadInputException">
    /// config.json asks for what cannot be computed, or the tensors do not fit it.
    /// </exception>
    public static LanguageModel Of(ResidentModel resident, Checkpoint opened, DType? dtype = null)
    {
        var config = ConfigReader.Read(opened);
        var (where, type) = Where(resident.Device, dtype);
        return new LanguageModel(config, WeightLoader.View(resident, opened, config, type), where, type, opened);
    }

    /// <summary>
    /// Takes a checkpoint's weights in place of its own, in the same memory; false where that is of another
    /// configuration, device or type.
    /// </summary>
    /// <exception cref="BadInputException">
    /// A tensor does not fit; the model is then good for nothing but to be filled again.
    /// </exception>
    public bool TryRefill(Checkpoint checkpoint, string? device = null, DType? dtype = null)
    {
        var (where, wanted) = Where(device, dtype);
        if (!JsonNode.DeepEquals(_configJson, checkpoint.Config) || wanted != _type || where.ToString() != _device.ToString())
            return false;
        WeightLoader.Refill(checkpoint, _config, _weights);
        _name = checkpoint.Folder;
        return true;
    }

    private static (Device Device, ScalarType Type) Where(string? device, DType? dtype)
    {
        var where = Find(device);
        return (where, TensorSums.TypeOf(dtype ?? (where.type == DeviceType.CUDA ? DType.BF16 : DType.F32)));
    }

    private static Device Find(string? name)
    {
        var devices = cuda.is_available() ? cuda.device_count() : 0;
        if (name is not null
            && name != "cpu"
            && !(name.StartsWith("cuda", StringComparison.Ordinal) && Index(name["cuda".Length..]) < devices))
        {
            var others = devices > 0
                ? $", cuda, or cuda:0 to cuda:{devices - 1}"
                : ", since there is no GPU that this program can use,";
            throw new BadInputException("device", null, $"`{name}` is not to be had here; cpu{others} would be right");
        }
        return new Device(name ?? (devices > 0 ? "cuda" : "cpu"));

        static int Index(string rest) =>
            rest.Length == 0 ? 0 : rest[0] == ':' && ushort.TryParse(rest[1..], out var index) ? index : int.MaxValue;
    }

    /// <summary>Token ids are below this.</summary>
    public int VocabularySize => _config.VocabularySize;

    /// <summary>The most tokens that the model was made for.</summary>
    public int ContextLength => _config.ContextLength;

    /// <summary>Type of the arithmetic, as torch writes it: torch.float32.</summary>
    public string Precision => $"torch.{_type.ToString().ToLowerInvariant()}";

    /// <summary>How many tokens can be computed together.</summary>
    /// <param name="length">Tokens of the longest row.</param>
    /// <param name="memory">Bytes that they may take; null for half of what the device has free.</param>
    public int TokensAtOnce(int length, long? memory = null) =>
        (memory ?? MemoryPlan.Available(_device)) is { } bytes
            ? MemoryPlan.Tokens(_config, (int)_type.ElementSize(), length, bytes)
            : int.MaxValue;

    /// <summary>Scores each request's continuation, each as a sequence of its own.</summary>
    /// <inheritdoc cref="ScoreGroups"/>
    public IReadOnlyList<TokenScores> Score(IReadOnlyList<ScoreRequest> batch) =>
        ScoreGroups([.. batch.Select(request => (IReadOnlyList<ScoreRequest>)[request])]);

    /// <summary>
    /// Scores each request's continuation. The requests of a group share what they begin with: it is read once, and what they end
    /// with side by side. Sequences longer than <see cref="ContextLength"/> + 1 lose their first tokens, since the last token is
    /// only predicted, never read.
    /// </summary>
    /// <param name="groups">Requests computed together, padded to the longest: of similar lengths, for speed.</param>
    /// <returns>One a request, in order.</returns>
    public IReadOnlyList<TokenScores> ScoreGroups(IReadOnlyList<IReadOnlyList<ScoreRequest>> groups)
    {
        var rows = groups.SelectMany(group => Rows([.. group.Select(Shortened)])).ToList();
        if (rows.Count == 0)
            return [];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var ends = new TokenGrid([.. rows.Select(row => row.Ends)]);
        var shared = rows.Max(row => row.Shared.Tokens.Length);
        using var cache = shared == 0 ? null : new KeyValueCache(_config, rows.Count, shared + ends.Width, _type, _device);
        if (cache is not null)
            _transformer.Forward(new TokenGrid([.. rows.Select(row => (Stretch[])[row.Shared])]), cache).Dispose();
        var hidden = _transformer.Forward(ends, cache);                                // [rows, tokens, width]
        return Score(hidden, ends, [.. rows.SelectMany((row, number) => row.Requests.Select((request, branch) =>
            (request, ends.Place(number, branch, row.Ends[branch].Tokens.Length - request.ContinuationLength))))]);
    }

    /// <summary>Requests that are read together.</summary>
    /// <param name="Shared">What all begin with.</param>
    /// <param name="Ends">What each goes on with, up to the last token, which is not read.</param>
    private sealed record Row(IReadOnlyList<ScoreRequest> Requests, Stretch Shared, IReadOnlyList<Stretch> Ends);

    private IEnumerable<Row> Rows(IReadOnlyList<ScoreRequest> group)
    {
        if (group.Count == 0)
            return [];
        var shared = ScoreRequest.SharedLength(group);
        // Where angles depend on the length, keys cannot be shared among sequences of any lengths.
        var together = shared > 0 && group.All(request => _config.SameAngles(shared, request.Tokens.Length - 1));
        return together ? [Of(group, shared)] : group.Select(request => Of([request], 0));

        static Row Of(IReadOnlyList<ScoreRequest> requests, int shared) =>
            new(requests, new(requests[0].Tokens[..shared], 0),
                [.. requests.Select(request => new Stretch(request.Tokens[shared..^1], shared))]);
    }

    private ScoreRequest Shortened(ScoreRequest request)
    {
        var tokens = request.Tokens.Length > ContextLength + 1 ? request.Tokens[^(ContextLength + 1)..] : request.Tokens;
        return request.ContinuationLength < tokens.Length ? request with { Tokens = tokens }
            : throw new ArgumentException("a continuation must leave at least one token of context within the context length");
    }

    /// <summary>Scores the continuations whose tokens are predicted from a place of the grid on.</summary>
    private List<TokenScores> Score(Tensor hidden, TokenGrid grid, IReadOnlyList<(ScoreRequest Request, long First)> asked)
    {
        long[] places =
            [.. asked.SelectMany(one => Enumerable.Range(0, one.Request.ContinuationLength).Select(i => one.First + i))];
        long[] targets =
            [.. asked.SelectMany(one => one.Request.Tokens[^one.Request.ContinuationLength..].Select(token => (long)token))];
        // [n, width]
        var chosen = hidden.view(grid.Rows * grid.Width, _config.Width).index_select(0, tensor(places, device: _device));
        var (logProbabilities, greedy) = (new List<double>(places.Length), new List<bool>(places.Length));
        var most = Math.Max(1, LogitsAtOnce / _config.VocabularySize);
        for (var start = 0; start < places.Length; start += most)
        {
            using var portion = NewDisposeScope();
            var count = Math.Min(most, places.Length - start);
            var wanted = tensor(targets[start..(start + count)], device: _device).unsqueeze(1);                // [count, 1]
            // [count, vocabulary]
            var logits = nn.functional.log_softmax(_transformer.Logits(chosen.narrow(0, start, count)), 1);
            logProbabilities.AddRange(logits.gather(1, wanted).to(float64).cpu().data<double>().ToArray());
            greedy.AddRange(logits.argmax(1).eq(wanted.squeeze(1)).cpu().data<bool>().ToArray());
        }
        var next = 0;
        return [.. asked.Select(one =>
        {
            var range = next..(next += one.Request.ContinuationLength);
            return new TokenScores(logProbabilities[range], greedy[range].TrueForAll(equal => equal));
        })];
    }

    /// <summary>
    /// Continues each prompt with the most probable tokens (the first of equals) until <paramref name="stop"/> says so of a row
    /// and its new tokens, or there are <paramref name="maxNewTokens"/>. Prompts lose their first tokens where they would not
    /// leave that much room in the context.
    /// </summary>
    /// <returns>Each row's new tokens, the one at which it was stopped included.</returns>
    /// <exception cref="BadInputException">The model's logits are no finite numbers.</exception>
    public IReadOnlyList<int[]> Generate(IReadOnlyList<int[]> prompts, int maxNewTokens, Func<int, IReadOnlyList<int>, bool> stop)
    {
        var room = ContextLength - maxNewTokens;
        if (room < 1)
            throw new ArgumentOutOfRangeException(nameof(maxNewTokens), maxNewTokens,
                $"must be below the context length, {ContextLength}");
        var written = prompts.Select(_ => new List<int>()).ToList();
        var active = Enumerable.Range(0, maxNewTokens > 0 ? prompts.Count : 0).ToList();
        if (active.Count == 0)
            return [.. written.Select(row => row.ToArray())];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var rows = prompts.Select(prompt => prompt.Length > room ? prompt[^room..] : prompt).ToList();
        var grid = new TokenGrid([.. rows.Select(row => (Stretch[])[new(row, 0)])]);
        // Where angles change on the way, everything is read again for each new token.
        using var cache = !rows.TrueForAll(row => _config.SameAngles(row.Length, row.Length + maxNewTokens)) ? null
            : new KeyValueCache(_config, active.Count, grid.Width + maxNewTokens, _type, _device);
        while (true)
        {
            using var step = NewDisposeScope();
            var read = grid;
            long[] ends = [.. active.Select(
                (row, place) => read.Place(place, 0, cache is { Length: > 0 } ? 0 : rows[row].Length + written[row].Count - 1))];
            // [batch, width]
            var last = _transformer.Forward(grid, cache)
                .view(grid.Rows * grid.Width, _config.Width)
                .index_select(0, tensor(ends, device: _device));
            var logits = _transformer.Logits(last);                                    // [batch, vocabulary]
            // A NaN is the largest of a row, and an infinity too: what would be written then means nothing.
            if (!logits.amax([1]).isfinite().all().cpu().data<bool>()[0])
                throw new BadInputException(_name, null,
                    "its logits are not finite numbers, so it cannot write; a model whose weights are sound would be right");
            var next = logits.argmax(1).to(ScalarType.Int32).cpu().data<int>().ToArray();
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
            active = [.. staying.Select(place => active[place])];
            grid = new TokenGrid([.. active.Select(row => (Stretch[])[cache is null ? new([.. rows[row], .. written[row]], 0)
                : new([written[row][^1]], rows[row].Length + written[row].Count - 1)])]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var weight in _weights.Values)
            weight.Dispose();
    }
}
