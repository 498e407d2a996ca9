using System.Numerics;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.References;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// A low-rank adapter as PEFT writes it: <c>W + s·B·A</c> with <c>s = α/r</c>, or <c>α/√r</c> if it is rank-stabilized (Hu et al.,
/// <i>LoRA</i>, 2021; Kalajdzievski, <i>rsLoRA</i>, 2023).
/// </summary>
internal sealed class Adapter : IDisposable
{
    private const string Prefix = "base_model.model.";
    private const string Saved = ".modules_to_save";
    private const int MaxConfigLength = 1_000_000;

    private readonly string _path;
    private readonly JsonObject _config;
    private readonly Checkpoint _weights;

    /// <summary>Opens the adapter in a folder.</summary>
    /// <exception cref="BadInputException">It is none, or one of a kind that is not merged.</exception>
    public Adapter(string folder)
    {
        _path = Path.Combine(folder, HubFiles.AdapterConfig);
        _config = CheckpointFiles.ReadObject(_path, MaxConfigLength);
        foreach (var (key, right) in new[] { ("peft_type", "LORA"), ("use_dora", "false"), ("bias", "none") })
            if (_config[key]?.ToString() is { } value && value != right)
                throw new BadInputException(_path, key, $"is {value}; only plain LoRA adapters ({right}) are merged");
        _weights = Checkpoint.OpenFile(Path.Combine(folder, HubFiles.AdapterWeights));
    }

    /// <summary>Digest of an adapter's two files.</summary>
    public static string DigestOf(string folder) =>
        CheckpointDigest.Compute(folder, [HubFiles.AdapterConfig, HubFiles.AdapterWeights]).ContentDigest;

    /// <summary>The model with the adapter merged; the adapter must stay open as long as the model.</summary>
    /// <exception cref="BadInputException">The adapter does not fit the model.</exception>
    public Checkpoint Apply(Checkpoint model, Scratch scratch)
    {
        Dictionary<string, Tensor> changed = new(StringComparer.Ordinal);
        foreach (var tensor in _weights.Tensors)
        {
            var name = tensor.Name.StartsWith(Prefix, StringComparison.Ordinal) ? tensor.Name[Prefix.Length..] : tensor.Name;
            var (target, embedding) = (Cut(name, ".lora_A.weight") ?? Cut(name, ".lora_embedding_A"), name.EndsWith(".lora_embedding_A", StringComparison.Ordinal));
            if (target is not null)
            {
                var b = _weights.Find(tensor.Name.Replace(embedding ? "lora_embedding_A" : "lora_A", embedding ? "lora_embedding_B" : "lora_B", StringComparison.Ordinal))
                    ?? throw new BadInputException(_weights.Folder, tensor.Name, "has no lora_B beside it");
                var weight = Find(model, target + ".weight");
                changed[weight.Name] = Sum(weight, target, tensor, b, embedding, scratch);
            }
            else if (!name.Contains(".lora_", StringComparison.Ordinal))
            {
                // Modules that were trained whole.
                var weight = Find(model, name.Replace(Saved, "", StringComparison.Ordinal));
                changed[weight.Name] = tensor.As(weight.Name);
            }
        }
        return changed.Count > 0 ? Checkpoint.Of(model.Folder, model.Config, model.Tensors.Select(tensor => changed.GetValueOrDefault(tensor.Name, tensor)))
            : throw new BadInputException(_weights.Folder, null, "changes no tensor: it holds no lora_A");
    }

    public void Dispose() => _weights.Dispose();

    private static string? Cut(string name, string end) => name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : null;

    // Some models store their tensors without the first part of the name that they have in a program.
    private Tensor Find(Checkpoint model, string name)
    {
        for (var rest = name; ; rest = rest[(rest.IndexOf('.', StringComparison.Ordinal) + 1)..])
        {
            if (model.Find(rest) is { } tensor)
                return tensor;
            if (!rest.Contains('.'))
                throw new BadInputException(_weights.Folder, name, $"changes a tensor that {model.Folder} does not have; was the adapter trained on another model?");
        }
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
                $"has shape [{string.Join(", ", a.Shape)}] and lora_B [{string.Join(", ", b.Shape)}], which does not fit {weight.Name} [{string.Join(", ", weight.Shape)}]");
        var scale = Scale(module, rank);
        // Row i of the sum is w[i] + s·Σₖ left[i, k]·right[k].
        var (left, right) = transposed ? (Columns(a), Columns(b)) : (Matrix(b), Matrix(a));
        return scratch.Make(weight, weight.Shape, (row, bytes) =>
        {
            var values = new double[weight.Width()];
            RowValues.Read(weight, row, values);
            for (var k = 0; k < rank; k++)
                AddTo(values, scale * left[row][k], right[k]);
            RowValues.Write(weight.DType, values, bytes);
        });
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
            // A pattern's key is the end of a module's name.
            var own = (_config[pattern] as JsonObject)?.FirstOrDefault(entry => module == entry.Key || module.EndsWith($".{entry.Key}", StringComparison.Ordinal)).Value;
            return (double?)(own ?? _config[key]) ?? absent;
        }
        var alpha = Number("lora_alpha", "alpha_pattern", rank);
        var named = Number("r", "rank_pattern", rank);
        if (named != rank)
            throw new BadInputException(_path, "r", $"is {named}, but the adapter's lora_A of {module} has rank {rank}");
        return _config["use_rslora"]?.ToString() == "true" ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    private static double[][] Matrix(Tensor tensor) => [.. Enumerable.Range(0, (int)tensor.Shape[0]).Select(row =>
    {
        var values = new double[tensor.Width()];
        RowValues.Read(tensor, row, values);
        return values;
    })];

    private static double[][] Columns(Tensor tensor)
    {
        var rows = Matrix(tensor);
        return [.. Enumerable.Range(0, tensor.Width()).Select(column => rows.Select(row => row[column]).ToArray())];
    }
}
