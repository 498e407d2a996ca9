using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using WeightTensor = Pedigree.Weights.Checkpoints.Tensor;

namespace Pedigree.Evaluation.Models;

/// <summary>Copies a checkpoint's mapped tensors into torch's.</summary>
internal static class WeightLoader
{
    /// <summary>All tensors that the model needs, on the device, in the computing type. The caller disposes of them.</summary>
    /// <exception cref="BadInputException">A tensor is missing, of another shape or type, or none of this model's.</exception>
    public static IReadOnlyDictionary<string, torch.Tensor> Load(
        Checkpoint checkpoint, TransformerConfig config, ScalarType type, Device device)
    {
        var shapes = Transformer.Shapes(config);
        foreach (var tensor in checkpoint.Tensors)
        {
            // Old checkpoints keep the rotary frequencies, and tied ones may repeat the head; neither is read.
            if (!shapes.ContainsKey(tensor.Name) && tensor.Name != "lm_head.weight"
                && !tensor.Name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
                throw new BadInputException(checkpoint.Folder, tensor.Name, "is no weight of the model that config.json describes");
        }
        var weights = new Dictionary<string, torch.Tensor>();
        foreach (var (name, shape) in shapes)
        {
            var tensor = checkpoint.Find(name)
                ?? throw new BadInputException(checkpoint.Folder, name, "is missing from the weights");
            if (!tensor.Shape.SequenceEqual(shape))
                throw new BadInputException(checkpoint.Folder, name,
                    $"has the shape [{string.Join(", ", tensor.Shape)}]; config.json asks for [{string.Join(", ", shape)}]");
            using var scope = NewDisposeScope();
            weights[name] = Copy(tensor, checkpoint.Folder).to(type).to(device).DetachFromDisposeScope();
        }
        return weights;
    }

    private static torch.Tensor Copy(WeightTensor source, string folder)
    {
        var type = source.DType switch
        {
            DType.BF16 => ScalarType.BFloat16,
            DType.F16 => ScalarType.Float16,
            DType.F32 => ScalarType.Float32,
            _ => throw new BadInputException(folder, source.Name, $"is of type {source.DType}; BF16, F16 or F32 would be right"),
        };
        var copy = empty([.. source.Shape], type);
        var flat = copy.view(-1);
        const int portion = 1 << 24;
        var size = source.DType.Size();
        for (long start = 0; start < source.Count; start += portion)
        {
            var count = (int)Math.Min(portion, source.Count - start);
            using var part = flat.narrow(0, start, count);
            part.bytes = source.Bytes(start * size, count * size).ToArray();
            using var finite = part.isfinite();
            using var all = finite.all();
            if (!all.item<bool>())
                throw new BadInputException(folder, source.Name, "holds a NaN or an infinity; every weight must be a finite number");
        }
        return copy;
    }
}
