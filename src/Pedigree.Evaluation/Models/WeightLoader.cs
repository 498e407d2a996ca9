using Pedigree.Evaluation.Residents;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using WeightTensor = Pedigree.Weights.Checkpoints.Tensor;

namespace Pedigree.Evaluation.Models;

/// <summary>Reads a checkpoint's tensors into torch's.</summary>
internal static class WeightLoader
{
    /// <summary>All tensors that the model needs, on the device, in the computing type. The caller disposes of them.</summary>
    /// <exception cref="BadInputException">A tensor is missing, of another shape or type, or none of this model's.</exception>
    public static IReadOnlyDictionary<string, torch.Tensor> Load(
        Checkpoint checkpoint, TransformerConfig config, ScalarType type, Device device)
    {
        Check(checkpoint, config);
        var weights = Transformer.Shapes(config)
            .ToDictionary(weight => weight.Key, weight => empty(weight.Value, type, device).DetachFromDisposeScope());
        try
        {
            Fill(checkpoint, config, weights);
            return weights;
        }
        catch
        {
            foreach (var weight in weights.Values)
                weight.Dispose();
            throw;
        }
    }

    /// <summary>Overwrites a model's weights with those of a checkpoint of the same configuration.</summary>
    /// <exception cref="BadInputException">As of <see cref="Load"/>; what the weights are then is not known.</exception>
    public static void Refill(Checkpoint checkpoint, TransformerConfig config, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        Check(checkpoint, config);
        Fill(checkpoint, config, weights);
    }

    /// <summary>
    /// The same of a model in a device's memory that has the checkpoint's tensors: views of them where they are of the computing
    /// type, which take no memory of their own.
    /// </summary>
    public static IReadOnlyDictionary<string, torch.Tensor> View(
        ResidentModel model, Checkpoint checkpoint, TransformerConfig config, ScalarType type)
    {
        Check(checkpoint, config);
        using var none = no_grad();
        var shapes = Transformer.Shapes(config);
        return WeightLayout.Of(config)
            .SelectMany(stored => stored.Weights.Select((name, part) => (name, stored, part)))
            .ToDictionary(weight => weight.name, weight =>
            {
                using var scope = NewDisposeScope();
                var shape = shapes[weight.name];
                return weight.stored.Part(model[weight.stored.Name].alias(), weight.part, shape)
                    .reshape(shape).to(type).contiguous().DetachFromDisposeScope();
            });
    }

    /// <summary>Whether a checkpoint has the weights of a configuration, in their shapes; reads no weights.</summary>
    /// <exception cref="BadInputException">A tensor is missing, of another shape, or none of this model's.</exception>
    public static void Check(Checkpoint checkpoint, TransformerConfig config)
    {
        var stored = WeightLayout.Of(config).ToDictionary(tensor => tensor.Name);
        if (checkpoint.Tensors.FirstOrDefault(
            tensor => !stored.ContainsKey(tensor.Name) && !WeightLayout.IsLeftOut(tensor.Name, config)) is { } foreign)
            throw new BadInputException(checkpoint.Address, foreign.Name, "is no weight of the model that config.json describes");
        foreach (var (name, shape, _, _) in stored.Values)
        {
            var tensor = checkpoint.Find(name)
                ?? throw new BadInputException(checkpoint.Address, name, "is missing from the weights");
            if (!tensor.Shape.SequenceEqual(shape))
                throw new BadInputException(checkpoint.Address, name,
                    $"has the shape [{string.Join(", ", tensor.Shape)}]; config.json asks for [{string.Join(", ", shape)}]");
        }
    }

    private static void Fill(Checkpoint checkpoint, TransformerConfig config, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        using var none = no_grad();
        foreach (var stored in WeightLayout.Of(config))
        {
            using var scope = NewDisposeScope();
            var source = Read(checkpoint.Find(stored.Name)!, checkpoint.Address);
            foreach (var (part, name) in stored.Weights.Index())
                weights[name].copy_(stored.Part(source, part, weights[name].shape).reshape(weights[name].shape));
        }
    }

    /// <summary>A tensor in the processor's memory.</summary>
    /// <exception cref="BadInputException">It is of another type, or not finite.</exception>
    internal static torch.Tensor Read(WeightTensor source, string folder)
    {
        if (source.DType is not (DType.BF16 or DType.F16 or DType.F32))
            throw new BadInputException(folder, source.Name, $"is of type {source.DType}; BF16, F16 or F32 would be right");
        var copy = empty([.. source.Shape], TensorSums.TypeOf(source.DType));
        var flat = copy.view(-1);
        const int portion = 1 << 24;
        var size = source.DType.Size();
        for (long start = 0; start < source.Count; start += portion)
        {
            var count = (int)Math.Min(portion, source.Count - start);
            using var part = flat.narrow(0, start, count);
            source.Read(start * size, part.bytes);
            using var finite = part.isfinite();
            using var all = finite.all();
            if (!all.cpu().data<bool>()[0])
                throw new BadInputException(folder, source.Name,
                    "holds a NaN or an infinity; every weight must be a finite number");
        }
        return copy;
    }
}
