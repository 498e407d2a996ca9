using Pedigree.Evaluation.Models;
using Pedigree.Weights.Merging;
using static TorchSharp.torch;

namespace Pedigree.Evaluation.Residents;

/// <summary>
/// Models in the memory of a device: parents stay there for the next child, and a child until it is scored. Where room is needed
/// those go that were not taken for the longest time; those that are in use stay.
/// </summary>
public sealed class ResidentModels : IDisposable
{
    private static readonly Lazy<ResidentModels?> ThisMachine = new(() => cuda.is_available() && Cuda.FreeMemory(0) is { } free
        ? new("cuda", $"cuda: {Cuda.Name(0)}", free / 4 * 3) : null);

    private readonly Lock _one = new();
    private readonly Dictionary<string, ResidentModel> _models = new(StringComparer.Ordinal);
    private readonly long _capacity;
    private long _used, _takings;

    /// <param name="device">cpu or cuda.</param>
    /// <param name="name">What events call it.</param>
    /// <param name="capacity">Bytes that models may take.</param>
    public ResidentModels(string device, string name, long capacity) =>
        (Device, Name, _capacity) = (new Device(device), name, capacity);

    /// <summary>
    /// Those of the GPU; null where there is none. A quarter of what it had free when it was first asked is left for computing.
    /// </summary>
    public static ResidentModels? OfThisMachine => ThisMachine.Value;

    /// <summary>What events call the device: cuda and the GPU's name.</summary>
    public string Name { get; }

    internal Device Device { get; }

    /// <summary>Takes a model that is there; null where it is not.</summary>
    public ResidentModel? Find(string digest)
    {
        lock (_one)
            return _models.TryGetValue(digest, out var model) ? Take(model) : null;
    }

    /// <summary>
    /// Takes a child, summed here unless it is there; its sources are copied here unless they are. Null where all of them have no
    /// room together, or a weight would not be finite.
    /// </summary>
    /// <param name="merge">How.</param>
    /// <param name="anew">Whether it is summed even if it is there, for whoever takes it here alone.</param>
    public ResidentModel? Sum(SummedMerge merge, bool anew = false)
    {
        if (!anew && Find(merge.Recipe.Digest) is { } known)
            return known;
        var bytes = merge.Tensors.Sum(tensor => tensor.Planned.ByteLength);
        if (bytes + merge.Sources.Sum(source => source.Checkpoint.ByteLength) > _capacity)
            return null;
        List<ResidentModel> sources = [];
        try
        {
            foreach (var (digest, checkpoint) in merge.Sources)
            {
                if ((Find(digest)
                    ?? Add(checkpoint.ByteLength, () => ResidentModel.Load(this, digest, checkpoint))) is not { } source)
                    return null;
                sources.Add(source);
            }
            return Add(bytes, () => ResidentModel.Sum(this, merge, sources), apart: anew);
        }
        finally
        {
            foreach (var source in sources)
                source.Dispose();
        }
    }

    /// <summary>Frees the memory; nobody may use its models any more.</summary>
    public void Dispose()
    {
        lock (_one)
        {
            foreach (var model in _models.Values)
                model.Free();
            _models.Clear();
            _used = 0;
        }
    }

    internal void LetGo(ResidentModel model)
    {
        lock (_one)
            if (--model.Users == 0 && _models.GetValueOrDefault(model.Digest) != model)
                Free(model);
    }

    /// <summary>Frees the memory of models that nobody uses.</summary>
    internal void FreeUnused()
    {
        lock (_one)
            foreach (var model in _models.Values.Where(model => model.Users == 0).ToList())
                Remove(model);
    }

    internal ResidentModel? Add(long bytes, Func<ResidentModel?> make, bool apart = false)
    {
        lock (_one)
        {
            while (_used + bytes > _capacity
                && _models.Values.Where(model => model.Users == 0).MinBy(model => model.LastTaken) is { } oldest)
                Remove(oldest);
            if (_used + bytes > _capacity)
                return null;
            _used += bytes;
        }
        ResidentModel? made = null;
        try
        {
            made = make();
        }
        catch (Exception error) when (DeviceMemory.IsExhausted(error))
        {
            // Others have taken of the device: this one is made elsewhere, and the next finds room again.
            FreeUnused();
        }
        finally
        {
            if (made is null)
                lock (_one)
                    _used -= bytes;
        }
        lock (_one)
        {
            if (made is null || apart || _models.TryAdd(made.Digest, made))
                return made is null ? null : Take(made);
            // Another was quicker.
            Free(made);
            return Take(_models[made.Digest]);
        }
    }

    private ResidentModel Take(ResidentModel model)
    {
        model.Users++;
        model.LastTaken = ++_takings;
        return model;
    }

    private void Remove(ResidentModel model)
    {
        _models.Remove(model.Digest);
        Free(model);
    }

    private void Free(ResidentModel model)
    {
        _used -= model.Bytes;
        model.Free();
    }
}
