using Pedigree.Weights.Kernels;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Benchmarks;

/// <summary>One tensor of the base and of the models, in bf16.</summary>
internal sealed record MergekitTensor(Tensor Base, IReadOnlyList<Tensor> Models);

/// <summary>
/// mergekit's sequences of operations on libtorch, whole tensors at a time and in the models' type. Weights are 0.6, t is 0.3,
/// densities are 0.5, and all else the defaults.
/// </summary>
internal static class MergekitMethods
{
    private const double Weight = 0.6;
    private const double Density = 0.5;
    private const double T = 0.3;

    /// <summary>
    /// Merges each tensor, and writes the file once its shard is full, which here is at the end. The safetensors that mergekit
    /// 0.1.4 asks for (0.5) copies all tensors of a file before it writes any.
    /// </summary>
    public static unsafe void Write(
        IEnumerable<string> names,
        MappedModel origin,
        IReadOnlyList<MappedModel> models,
        Func<MergekitTensor, Tensor> merge,
        string target)
    {
        using var shard = NewDisposeScope();
        List<Tensor> merged = [];
        foreach (var name in names)
        {
            using var scope = NewDisposeScope();
            merged.Add(merge(new(origin[name], [.. models.Select(model => model[name])])).to_type(ScalarType.BFloat16)
                .MoveToOuterDisposeScope());
        }
        List<NativeBuffer> copies = [];
        foreach (var tensor in merged)
        {
            copies.Add(new(tensor.bytes.Length));
            tensor.bytes.CopyTo(new(copies[^1].Start, tensor.bytes.Length));
        }
        Directory.CreateDirectory(target);
        using var file = File.OpenHandle(Path.Combine(target, "model.safetensors"), FileMode.CreateNew, FileAccess.Write);
        var at = 0L;
        foreach (var (tensor, copy) in merged.Zip(copies))
            using (copy)
            {
                RandomAccess.Write(file, new ReadOnlySpan<byte>(copy.Start, tensor.bytes.Length), at);
                at += tensor.bytes.Length;
            }
    }

    /// <summary>
    /// Float32 copies, their copies, their normalised copies, the sum. mergekit leaves all but the first to
    /// NumPy, which has one thread.
    /// </summary>
    public static Tensor Slerp(MergekitTensor tensor)
    {
        Tensor[] models = [.. tensor.Models.Select(model => model.to_type(ScalarType.Float32))];
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            return Slerp(models);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    /// <summary>The same, had NumPy all threads.</summary>
    public static Tensor SlerpOnAllThreads(MergekitTensor tensor) =>
        Slerp([.. tensor.Models.Select(model => model.to_type(ScalarType.Float32))]);

    public static Tensor Linear(MergekitTensor tensor)
    {
        var weights = full([tensor.Models.Count], Weight, dtype: ScalarType.BFloat16);
        var shaped = weights.view([tensor.Models.Count, .. tensor.Models[0].shape.Select(_ => 1L)]);
        return (shaped * stack(tensor.Models)).sum([0L]) / weights.sum();
    }

    public static Tensor TaskArithmetic(MergekitTensor tensor) => Mix(tensor, delta => delta, consensus: false, normalize: false);

    public static Tensor Ties(MergekitTensor tensor) => Mix(tensor, delta =>
    {
        var mask = zeros_like(delta);
        var order = argsort(delta.abs().view(-1).to_type(ScalarType.Float32), descending: true);
        mask.view(-1).index_fill_(0, order.slice(0, 0, (long)(Density * delta.numel()), 1), 1);
        return delta * mask;
    }, consensus: true, normalize: true);

    public static Tensor Dare(MergekitTensor tensor, bool consensus) => Mix(tensor,
        delta => Enlarged(delta, bernoulli(full_like(delta, Density))), consensus, normalize: false);

    public static Tensor Breadcrumbs(MergekitTensor tensor, bool consensus) => Mix(tensor, delta =>
    {
        var n = delta.numel();
        var largest = (long)(0.01 * n);
        var smallest = n - (long)(Density * n) - largest;
        var order = sort(delta.abs().view(-1).to_type(ScalarType.Float32)).indices;
        var mask = zeros_like(delta);
        mask.view(-1).index_fill_(0, order.slice(0, smallest, n - largest, 1), 1);
        return delta * mask;
    }, consensus, normalize: false);

    public static Tensor Della(MergekitTensor tensor, bool consensus) => Mix(tensor, delta =>
    {
        var rows = delta.dim() < 2 ? delta.unsqueeze(0) : delta;
        var ranks = argsort(argsort(rows.abs(), 1), 1).to_type(ScalarType.BFloat16) + 1;
        var (least, greatest) = (ranks.min(1, true).values, ranks.max(1, true).values);
        var probability = (((ranks - least) / (greatest - least)).clamp(0, 1) * (2 * 0.15)) + (Density - 0.15);
        return Enlarged(rows, bernoulli(probability)).reshape(delta.shape);
    }, consensus, normalize: consensus);

    public static Tensor ModelStock(MergekitTensor tensor)
    {
        var origin = tensor.Base.view(-1);
        Tensor[] models = [.. tensor.Models.Select(model => model.view(-1))];
        Tensor[] deltas = [.. models.Select(model => model - origin)];
        var cosines = new List<Tensor>();
        for (var i = 0; i < deltas.Length; i++)
            for (var j = i + 1; j < deltas.Length; j++)
                cosines.Add(((deltas[i] * deltas[j]).sum([-1L]) / (deltas[i].norm() * deltas[j].norm()).clamp(min: 1e-6))
                    .clamp(-1, 1));
        var cosine = stack(cosines).mean([0]).unsqueeze(-1);
        var t = cosine * models.Length / ((cosine * (models.Length - 1)) + 1);
        var mean = models.Skip(1).Aggregate(models[0], (sum, model) => sum + model) / models.Length;
        return ((t * mean) + ((1 - t) * origin)).reshape(tensor.Base.shape);
    }

    public static Tensor MultiSlerp(MergekitTensor tensor)
    {
        var vectors = (stack(tensor.Models) - tensor.Base).view(tensor.Models.Count, -1);
        var weights = full([tensor.Models.Count, 1L], 1.0 / tensor.Models.Count, ScalarType.BFloat16);
        var lengths = vectors.norm(dim: -1, keepdim: true);
        var units = vectors / (lengths + 1e-8);
        var mean = (units * weights).sum([0L]);
        mean /= mean.norm();
        var tangents = units - ((units * mean).sum([-1L], true) * mean);
        var tangent = (tangents * weights).sum([0L]);
        var arc = tangent.norm() + 1e-8;
        var merged = (mean * cos(arc)) + (tangent * (sin(arc) / arc));
        return (merged * (lengths * weights).sum()).view(tensor.Base.shape) + tensor.Base;
    }

    private static Tensor Mix(MergekitTensor tensor, Func<Tensor, Tensor> thin, bool consensus, bool normalize)
    {
        var deltas = stack([.. tensor.Models.Select(model => thin(model - tensor.Base))]);
        var weights = full([tensor.Models.Count, .. tensor.Base.shape.Select(_ => 1L)], Weight, ScalarType.BFloat16);
        var weighted = deltas * weights;
        if (!consensus)
            return tensor.Base + (normalize ? weighted.sum([0L]) / weights.sum([0L]) : weighted.sum([0L]));
        var majority = ((weighted.sum([0L]) >= 0).to_type(ScalarType.BFloat16) * 2) - 1;
        var mask = weighted.sign() == majority;
        var mixed = (weighted * mask).sum([0L]);
        if (normalize)
        {
            var divisor = (weights * mask).sum([0L]);
            mixed /= divisor.masked_fill(divisor == 0, 1);
        }
        return tensor.Base + mixed;
    }

    private static Tensor Enlarged(Tensor delta, Tensor mask)
    {
        var kept = delta * mask;
        return kept * (delta.abs().sum() / kept.abs().sum());
    }

    private static Tensor Slerp(Tensor[] models)
    {
        Tensor[] copies = [.. models.Select(model => model.clone())];
        Tensor[] units =
            [.. models.Select(model => model.norm().item<float>() is > 1e-8f and var length ? model / length : model)];
        var cosine = (units[0] * units[1]).sum().item<float>();
        if (Math.Abs(cosine) > 0.9995)
            return ((1 - T) * copies[0]) + (T * copies[1]);
        var angle = Math.Acos(cosine);
        return (Math.Sin((1 - T) * angle) / Math.Sin(angle) * copies[0]) + (Math.Sin(T * angle) / Math.Sin(angle) * copies[1]);
    }
}
