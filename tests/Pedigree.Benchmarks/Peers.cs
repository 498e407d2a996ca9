using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = Pedigree.Weights.Checkpoints.Tensor;

namespace Pedigree.Benchmarks;

/// <summary>The same results by the sequences of operations of others, on libtorch with all its threads.</summary>
internal static class Peers
{
    /// <summary>mergekit's SLERP: for each tensor whole f32 copies, their normalised copies, the sum, a cast; then the file.</summary>
    public static void MergekitSlerp(Checkpoint first, Checkpoint second, double t, string target)
    {
        Directory.CreateDirectory(target);
        using var file = File.OpenHandle(Path.Combine(target, "model.safetensors"), FileMode.CreateNew, FileAccess.Write);
        var at = 0L;
        foreach (var tensor in first.Tensors)
        {
            using var scope = NewDisposeScope();
            var merged = Slerp(Load(tensor).to_type(ScalarType.Float32), Load(second.Find(tensor.Name)!).to_type(ScalarType.Float32), t)
                .to_type(ScalarType.BFloat16);
            RandomAccess.Write(file, merged.bytes, at);
            at += tensor.ByteLength;
        }
    }

    public static torch.Tensor Slerp(torch.Tensor v0, torch.Tensor v1, double t)
    {
        var (copy0, copy1) = (v0.clone(), v1.clone());
        static torch.Tensor Normalised(torch.Tensor v) => v.norm().item<float>() is > 1e-8f and var length ? v / length : v;
        (v0, v1) = (Normalised(v0), Normalised(v1));
        var cosine = (v0 * v1).sum().item<float>();
        if (Math.Abs(cosine) > 0.9995)
            return ((1 - t) * copy0) + (t * copy1);
        var angle = Math.Acos(cosine);
        return (Math.Sin((1 - t) * angle) / Math.Sin(angle) * copy0) + (Math.Sin(t * angle) / Math.Sin(angle) * copy1);
    }

    /// <summary>ModelKinship's three measures of one pair: whole models in f32, concatenated, subtracted.</summary>
    public static (double Pearson, double Cosine, double Euclidean) ModelKinshipPair(Checkpoint origin, Checkpoint first, Checkpoint second)
    {
        using var scope = NewDisposeScope();
        static torch.Tensor Vector(Checkpoint checkpoint)
        {
            using var parts = NewDisposeScope();
            return cat([.. checkpoint.Tensors.Select(tensor => Load(tensor).view(-1).to_type(ScalarType.Float32))]).MoveToOuterDisposeScope();
        }
        torch.Tensor a, b;
        using (var whole = Vector(origin))
        {
            using (var model = Vector(first))
                a = model - whole;
            using (var model = Vector(second))
                b = model - whole;
        }
        var cosine = Math.Sqrt(Math.Pow(dot(a, b).item<float>(), 2) / ((double)dot(a, a).item<float>() * dot(b, b).item<float>()));
        double euclidean, pearson;
        using (var difference = a - b)
            euclidean = difference.norm().item<float>();
        using (var both = stack([a, b]))
            pearson = corrcoef(both)[0, 1].item<float>();
        return (pearson, cosine, euclidean);
    }

    public static torch.Tensor Load(Tensor tensor)
    {
        var loaded = empty([.. tensor.Shape], ScalarType.BFloat16);
        tensor.Bytes(0, (int)tensor.ByteLength).CopyTo(loaded.bytes);
        return loaded;
    }
}
