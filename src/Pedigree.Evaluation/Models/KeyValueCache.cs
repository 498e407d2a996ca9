using static TorchSharp.torch;

namespace Pedigree.Evaluation.Models;

/// <summary>Keys and values of the tokens already read, so that each new token costs one step.</summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly LayerCache[] layers;

    public KeyValueCache(TransformerConfig config, long batch, long capacity, ScalarType type, Device device) =>
        layers = [.. Enumerable.Range(0, config.Layers).Select(_ => new LayerCache(this,
            zeros([batch, config.KeyValueHeads, capacity, config.HeadWidth], type, device).DetachFromDisposeScope(),
            zeros([batch, config.KeyValueHeads, capacity, config.HeadWidth], type, device).DetachFromDisposeScope()))];

    /// <summary>Tokens held, padding included.</summary>
    public long Length { get; private set; }

    public LayerCache Layer(int layer) => layers[layer];

    /// <summary>Called when every layer has appended.</summary>
    public void Advance(long tokens) => Length += tokens;

    /// <summary>Forgets all rows but these.</summary>
    public void Keep(IReadOnlyList<int> rows)
    {
        foreach (var layer in layers)
            layer.Keep(rows);
    }

    public void Dispose()
    {
        foreach (var layer in layers)
            layer.Dispose();
    }
}

/// <summary>One layer's keys and values, [batch, groups, capacity, d] each.</summary>
internal sealed class LayerCache(KeyValueCache cache, Tensor keys, Tensor values) : IDisposable
{
    private Tensor keys = keys;
    private Tensor values = values;

    /// <summary>Adds [batch, groups, tokens, d] and returns all so far, [batch, groups, keys, d].</summary>
    public (Tensor Keys, Tensor Values) Append(Tensor newKeys, Tensor newValues)
    {
        var tokens = newKeys.shape[2];
        keys.narrow(2, cache.Length, tokens).copy_(newKeys);
        values.narrow(2, cache.Length, tokens).copy_(newValues);
        return (keys.narrow(2, 0, cache.Length + tokens), values.narrow(2, 0, cache.Length + tokens));
    }

    public void Keep(IReadOnlyList<int> rows)
    {
        using var index = tensor(rows.Select(row => (long)row).ToArray(), device: keys.device);
        var (oldKeys, oldValues) = (keys, values);
        keys = oldKeys.index_select(0, index).DetachFromDisposeScope();
        values = oldValues.index_select(0, index).DetachFromDisposeScope();
        oldKeys.Dispose();
        oldValues.Dispose();
    }

    public void Dispose()
    {
        keys.Dispose();
        values.Dispose();
    }
}
