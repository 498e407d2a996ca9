using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.References;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// A low-rank adapter as PEFT writes it: <c>W + s·B·A</c> with <c>s = α/r</c>, or <c>α/√r</c> if it is rank-stabilized (Hu et
/// al., <i>LoRA</i>, 2021; Kalajdzievski, <i>rsLoRA</i>, 2023).
/// </summary>
internal sealed class Adapter : IDisposable
{
    private const string Prefix = "base_model.model.";
    private const string A = ".lora_A.weight",
        B = ".lora_B.weight",
        EmbeddingA = ".lora_embedding_A",
        EmbeddingB = ".lora_embedding_B";
    private const int MaxConfigLength = 1_000_000;

    // PEFT's own.
    private const double DefaultAlpha = 8;

    // What PEFT puts before the names of a module's tensors when it wraps the module.
    private static readonly string[] Wrappers = [".modules_to_save", ".base_layer"];
    private static readonly TimeSpan PatternTime = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly JsonObject _config;
    private readonly Checkpoint _weights;

    /// <summary>Opens the adapter in a folder.</summary>
    /// <exception cref="BadInputException">It is none, or one of a kind that is not merged.</exception>
    public Adapter(string folder)
    {
        _path = Path.Combine(folder, HubFiles.AdapterConfig);
        _config = CheckpointFiles.ReadObject(_path, MaxConfigLength);
        foreach (var (key, right) in new[] { ("peft_type", "LORA"), ("use_dora", "false"), ("lora_bias", "false") })
            if (_config[key]?.ToString() is { } value && value != right)
                throw new BadInputException(_path, key, $"is {value}; only plain LoRA adapters ({right}) are merged");
        _weights = Checkpoint.OpenFile(Path.Combine(folder, HubFiles.AdapterWeights));
        if (_weights.Tensors.FirstOrDefault(tensor => !tensor.DType.IsMerged()) is { } other)
        {
            _weights.Dispose();
            throw new BadInputException(other.File, other.Name,
                $"is of type {other.DType.SafetensorsName()}; an adapter's weights must be BF16, F16 or F32");
        }
    }

    /// <summary>Digest of an adapter's two files.</summary>
    public static string DigestOf(string folder) =>
        CheckpointDigest.Compute(folder, [HubFiles.AdapterConfig, HubFiles.AdapterWeights]).ContentDigest;

    /// <summary>The model with the adapter merged; the adapter must stay open as long as the model.</summary>
    /// <exception cref="BadInputException">The adapter does not fit the model.</exception>
    public Checkpoint Apply(Checkpoint model, Scratch scratch)
    {
        Dictionary<string, Tensor> changed = new(StringComparer.Ordinal);
        List<Tensor> heads = [];
        // Modules and biases that were trained whole; an embedding may have factors beside it that are added to it.
        foreach (var tensor in _weights.Tensors.Where(tensor => !tensor.Name.Contains(".lora_", StringComparison.Ordinal)))
        {
            var name = Wrappers.Aggregate(
                ModuleOf(tensor), (name, wrapper) => name.Replace(wrapper, "", StringComparison.Ordinal));
            if (HeadLike(model, name, tensor) is { } embedding)
                heads.Add(Whole(embedding, tensor, scratch).As(name));
            else
            {
                var weight = Find(model, name);
                changed[weight.Name] = Whole(weight, tensor, scratch);
            }
        }
        foreach (var tensor in _weights.Tensors.Where(tensor => tensor.Name.Contains(".lora_", StringComparison.Ordinal)))
        {
            var name = ModuleOf(tensor);
            var (target, embedding) =
                (Cut(name, A) ?? Cut(name, EmbeddingA), name.EndsWith(EmbeddingA, StringComparison.Ordinal));
            if (target is not null)
            {
                var b = Beside(tensor, embedding ? EmbeddingA : A, embedding ? EmbeddingB : B);
                var weight = Find(model, target + ".weight");
                changed[weight.Name] = Sum(changed.GetValueOrDefault(weight.Name, weight), target, tensor, b, embedding, scratch);
            }
            else if (Cut(name, B) is not null)
                Beside(tensor, B, A);
            else if (Cut(name, EmbeddingB) is not null)
                Beside(tensor, EmbeddingB, EmbeddingA);
            else
                throw new BadInputException(_weights.Folder, tensor.Name,
                    "is no part of a plain LoRA adapter, whose factors are lora_A.weight and lora_B.weight");
        }
        var config = (JsonObject)model.Config.DeepClone();
        if (heads.Count > 0)
            config["tie_word_embeddings"] = false;
        return changed.Count + heads.Count > 0 ? Checkpoint.Of(
            model.Folder, config, model.Tensors.Select(tensor => changed.GetValueOrDefault(tensor.Name, tensor)).Concat(heads))
            : throw new BadInputException(_weights.Folder, null, "changes no tensor: it holds no lora_A");
    }

    public void Dispose() => _weights.Dispose();

    private static string ModuleOf(Tensor tensor) =>
        tensor.Name.StartsWith(Prefix, StringComparison.Ordinal) ? tensor.Name[Prefix.Length..] : tensor.Name;

    private Tensor Beside(Tensor factor, string end, string other) => _weights.Find(Cut(factor.Name, end) + other)
        ?? throw new BadInputException(_weights.Folder, factor.Name,
            $"has no {other[1..].Replace(".weight", "", StringComparison.Ordinal)} beside it");

    private static string? Cut(string name, string end) =>
        name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : null;

    // Some models store their tensors without the first part of the name that they have in a program.
    private static Tensor? Sought(Checkpoint model, string name)
    {
        for (var rest = name; ; rest = rest[(rest.IndexOf('.', StringComparison.Ordinal) + 1)..])
            if (model.Find(rest) is { } tensor)
                return tensor;
            else if (!rest.Contains('.'))
                return null;
    }

    private Tensor Find(Checkpoint model, string name) => Sought(model, name)
        ?? throw new BadInputException(_weights.Folder, name,
            $"changes a tensor that {model.Folder} does not have; was the adapter trained on another model?");

    // A head that was trained whole is the embedding no longer: then the embedding of the model, which stores no head.
    private static Tensor? HeadLike(Checkpoint model, string name, Tensor trained) =>
        Sought(model, name) is null
        && !Architecture.IsEmbedding(name)
        && model.Config["tie_word_embeddings"]?.ToString() != "false"
        && VocabularyTensors.Embedding(model) is { } embedding && embedding.Shape.SequenceEqual(trained.Shape) ? embedding : null;

    // In the weight's own type, which the adapter's need not be.
    private Tensor Whole(Tensor weight, Tensor trained, Scratch scratch)
    {
        if (!trained.Shape.SequenceEqual(weight.Shape))
            throw new BadInputException(_weights.Folder, trained.Name,
                $"has shape [{string.Join(", ", trained.Shape)}], but {weight.Name} [{string.Join(", ", weight.Shape)}]; "
                + "was the adapter trained on a model with other tokens?");
        return trained.DType == weight.DType ? trained.As(weight.Name) : scratch.Make(weight, weight.Shape, (row, bytes) =>
        {
            RowValues.Write(weight.DType, Row(trained, row), bytes);
            RequireFinite(weight, trained, bytes);
        });
    }

    private Tensor Sum(Tensor weight, string module, Tensor a, Tensor b, bool embedding, Scratch scratch)
    {
        if (a.Shape.Count != 2 || b.Shape.Count != 2)
            throw new BadInputException(_weights.Folder, a.Name, "must be a matrix, and lora_B too");
        var rank = (int)a.Shape[0];
        // PEFT keeps an embedding's factors the other way round, and GPT-2's layers their weights.
        var transposed = embedding || _config["fan_in_fan_out"]?.ToString() == "true";
        var (outer, inner) = (b.Shape[0], a.Shape[1]);
        if (b.Shape[1] != rank || !weight.Shape.SequenceEqual(transposed ? [inner, outer] : [outer, inner]))
            throw new BadInputException(_weights.Folder, a.Name,
                $"has shape [{string.Join(", ", a.Shape)}] and lora_B [{string.Join(", ", b.Shape)}], "
                + $"which does not fit {weight.Name} [{string.Join(", ", weight.Shape)}]");
        var scale = Scale(module, rank);
        // Row i of the sum is w[i] + s·Σₖ left[i, k]·right[k].
        var (left, right) = transposed ? (Columns(a), Columns(b)) : (Matrix(b), Matrix(a));
        return scratch.Make(weight, weight.Shape, (row, bytes) =>
        {
            var values = Row(weight, row);
            for (var k = 0; k < rank; k++)
                AddTo(values, scale * left[row][k], right[k]);
            RowValues.Write(weight.DType, values, bytes);
            RequireFinite(weight, b, bytes);
        });
    }

    // What is made bears the model's name: what is wrong with the adapter is said here.
    private static double[] Row(Tensor tensor, long row)
    {
        var values = new double[tensor.Width()];
        RowValues.Read(tensor, row, values);
        if (!values.All(double.IsFinite))
            Kernels.Weights.ThrowIfNotFinite(tensor, row * values.Length, values.Length);
        return values;
    }

    private static void RequireFinite(Tensor weight, Tensor of, ReadOnlySpan<byte> bytes)
    {
        if (!RowValues.IsFinite(weight.DType, bytes))
            throw new BadInputException(of.File, of.StoredName,
                $"is too large: merged into {weight.Name} it overflows {weight.DType.SafetensorsName()}");
    }

    private static void AddTo(double[] values, double factor, double[] row)
    {
        var at = 0;
        for (; at + Vector<double>.Count <= values.Length; at += Vector<double>.Count)
            (new Vector<double>(values, at) + (factor * new Vector<double>(row, at))).CopyTo(values, at);
        for (; at < values.Length; at++)
            values[at] += factor * row[at];
    }

    private double Scale(string module, int rank)
    {
        double Number(string key, string pattern, double absent)
        {
            var own = (_config[pattern] as JsonObject)?.FirstOrDefault(entry => IsFor(module, pattern, entry.Key)).Value;
            return (own ?? _config[key]) switch
            {
                null => absent,
                JsonValue value when value.GetValueKind() == JsonValueKind.Number => (double)value,
                var other => throw new BadInputException(_path, own is null ? key : pattern,
                    $"is {other.ToJsonString()} for {module}; it must be a number"),
            };
        }
        var alpha = Number("lora_alpha", "alpha_pattern", DefaultAlpha);
        var named = Number("r", "rank_pattern", rank);
        if (named != rank)
            throw new BadInputException(_path, "r", $"is {named}, but the adapter's lora_A of {module} has rank {rank}");
        return _config["use_rslora"]?.ToString() == "true" ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    // As in PEFT, a pattern is a regular expression for the end of a module's name.
    private bool IsFor(string module, string pattern, string key)
    {
        try
        {
            return Regex.IsMatch(module, $@"\A(.*\.)?({key})\z", RegexOptions.CultureInvariant, PatternTime);
        }
        catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
        {
            throw new BadInputException(_path, pattern, $"`{key}` is no regular expression that can be matched: {error.Message}");
        }
    }

    private static double[][] Matrix(Tensor tensor) =>
        [.. Enumerable.Range(0, (int)tensor.Shape[0]).Select(row => Row(tensor, row))];

    private static double[][] Columns(Tensor tensor)
    {
        var rows = Matrix(tensor);
        return [.. Enumerable.Range(0, tensor.Width()).Select(column => rows.Select(row => row[column]).ToArray())];
    }
}
