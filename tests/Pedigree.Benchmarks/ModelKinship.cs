using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = Pedigree.Weights.Checkpoints.Tensor;

namespace Pedigree.Benchmarks;

/// <summary>ModelKinship's sequence of operations on libtorch with all its threads.</summary>
internal static class ModelKinship
{
    /// <summary>Its three measures of one pair: whole models in float32, concatenated, subtracted.</summary>
    public static (double Pearson, double Cosine, double Euclidean) Pair(Checkpoint origin, Checkpoint first, Checkpoint second)
    {
        using var scope = NewDisposeScope();
        static torch.Tensor Vector(Checkpoint checkpoint)
        {
            using var parts = NewDisposeScope();
            return cat([.. checkpoint.Tensors.Select(
                tensor => Load(tensor).view(-1).to_type(ScalarType.Float32))]).MoveToOuterDisposeScope();
        }
        torch.Tensor a, b;
        using (var whole = Vector(origin))
        {
            using (var model = Vector(first))
                a = model - whole;
            using (var model = Vector(second))
                b = model - whole;
        }
        var cosine =
            Math.Sqrt(Math.Pow(dot(a, b).item<float>(), 2) / ((double)dot(a, a).item<float>() * dot(b, b).item<float>()));
        double euclidean, pearson;
        using (var difference = a - b)
            euclidean = difference.norm().item<float>();
        using (var both = stack([a, b]))
            pearson = corrcoef(both)[0, 1].item<float>();
        return (pearson, cosine, euclidean);
    }

    private static torch.Tensor Load(Tensor tensor)
    {
        var loaded = empty([.. tensor.Shape], ScalarType.BFloat16);
        tensor.Read(0, loaded.bytes);
        return loaded;
    }
}
