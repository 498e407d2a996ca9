using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Evaluation.Residents;

/// <summary>
/// A model's tensors in the memory of a device, as they are stored. It stays there until everyone who took it has disposed it.
/// </summary>
public sealed class ResidentModel : IDisposable
{
    private readonly ResidentModels _owner;
    private readonly IReadOnlyDictionary<string, Tensor> _tensors;

    private ResidentModel(ResidentModels owner, string digest, IReadOnlyDictionary<string, Tensor> tensors) =>
        (_owner, Digest, _tensors) = (owner, digest, tensors);

    internal string Digest { get; }

    /// <summary>How many have taken it.</summary>
    internal int Users { get; set; }

    /// <summary>When it was taken last, in takings.</summary>
    internal long LastTaken { get; set; }

    internal string Device => _owner.Device.ToString();

    internal long Bytes => _tensors.Values.Sum(tensor => tensor.numel() * tensor.ElementSize);

    internal Tensor this[string name] => _tensors[name];

    /// <summary>As a checkpoint whose weights are copied from the device as they are read, as long as it stays there.</summary>
    /// <param name="like">An open checkpoint of the same configuration and tokenizer.</param>
    /// <param name="address">What errors call it.</param>
    /// <param name="recipe">Its recipe.json.</param>
    public Checkpoint Open(Checkpoint like, string address, JsonObject recipe) => Checkpoint.Of(
        like,
        address,
        recipe,
        _tensors.Select(tensor => new PlannedTensor(tensor.Key, TensorSums.DTypeOf(tensor.Value.dtype), tensor.Value.shape)),
        Read);

    /// <summary>Copies a checkpoint to the device.</summary>
    /// <exception cref="Weights.BadInputException">A weight is not finite.</exception>
    internal static ResidentModel Load(ResidentModels owner, string digest, Checkpoint checkpoint) =>
        Of(owner, digest, checkpoint.Tensors, tensor =>
        {
            var read = WeightLoader.Read(tensor, checkpoint.Folder);
            return (tensor.Name, read.to(owner.Device));
        })!;

    /// <summary>Sums a child on the device; null where a weight would not be finite.</summary>
    internal static ResidentModel? Sum(ResidentModels owner, SummedMerge merge, IReadOnlyList<ResidentModel> sources) =>
        Of(owner, merge.Recipe.Digest, merge.Tensors,
            tensor => (tensor.Name, TensorSums.Sum(tensor, [.. sources.Select(source => source[tensor.Name])])));

    /// <summary>Copies bytes of a tensor from the device. May be called on several threads.</summary>
    public void Read(string tensor, long start, Span<byte> bytes)
    {
        if (bytes.Length == 0)
            return;
        using var scope = torch.NewDisposeScope();
        var size = _tensors[tensor].ElementSize;
        var here = _tensors[tensor].view(-1).narrow(0, start / size, bytes.Length / size).cpu().contiguous();
        here.bytes.CopyTo(bytes);
        GC.KeepAlive(here);
    }

    /// <summary>Lets go of it, once for each time that it was taken.</summary>
    public void Dispose() => _owner.LetGo(this);

    internal void Free()
    {
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
    }

    private static ResidentModel? Of<T>(
        ResidentModels owner, string digest, IEnumerable<T> parts, Func<T, (string Name, Tensor? Tensor)> make)
    {
        Dictionary<string, Tensor> made = new(StringComparer.Ordinal);
        ResidentModel model = new(owner, digest, made);
        try
        {
            foreach (var part in parts)
            {
                using var scope = torch.NewDisposeScope();
                var (name, tensor) = make(part);
                if (tensor is null)
                {
                    model.Free();
                    return null;
                }
                made.Add(name, tensor.DetachFromDisposeScope());
            }
            return model;
        }
        catch
        {
            model.Free();
            throw;
        }
    }
}
