using static TorchSharp.torch;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// Keys and values of the tokens already read, so that each new token costs one step. Its size is fixed at first.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly LayerCache[] _layers;
    private Tensor _positions, _branches;                                               // [batch, capacity]

    public KeyValueCache(TransformerConfig config, long batch, long capacity, ScalarType type, Device device)
    {
        _layers = [.. config.Layers.Select(_ => new LayerCache(this, NewLayer(), NewLayer()))];
        _positions = empty([batch, capacity], int64, device).DetachFromDisposeScope();
        _branches = empty([batch, capacity], int64, device).DetachFromDisposeScope();

        Tensor NewLayer() =>
            empty([batch, config.KeyValueHeads, capacity, config.HeadWidth], type, device).DetachFromDisposeScope();
    }

    /// <summary>Places used, padding included.</summary>
    public long Length { get; private set; }

    public LayerCache Layer(int layer) => _layers[layer];

    /// <summary>Notes where new tokens are in their texts, and returns that of all so far.</summary>
    public Places Append(Places places)
    {
        var tokens = places.Positions.shape[1];
        _positions.narrow(1, Length, tokens).copy_(places.Positions);
        _branches.narrow(1, Length, tokens).copy_(places.Branches);
        return new(_positions.narrow(1, 0, Length + tokens), _branches.narrow(1, 0, Length + tokens));
    }

    /// <summary>Called when every layer has appended.</summary>
    public void Advance(long tokens) => Length += tokens;

    /// <summary>Forgets all rows but these.</summary>
    public void Keep(IReadOnlyList<int> rows)
    {
        using var index = tensor(rows.Select(row => (long)row).ToArray(), device: _positions.device);
        Keep(ref _positions, index);
        Keep(ref _branches, index);
        foreach (var layer in _layers)
            layer.Keep(index);
    }

    internal static void Keep(ref Tensor rows, Tensor index)
    {
        using var old = rows;
        rows = old.index_select(0, index).DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _positions.Dispose();
        _branches.Dispose();
        foreach (var layer in _layers)
            layer.Dispose();
    }
}

/// <summary>One layer's keys and values, [batch, groups, capacity, d] each.</summary>
internal sealed class LayerCache(KeyValueCache cache, Tensor keys, Tensor values) : IDisposable
{
    private Tensor _keys = keys;
    private Tensor _values = values;

    /// <summary>Adds [batch, groups, tokens, d] and returns all so far, [batch, groups, keys, d].</summary>
    public (Tensor Keys, Tensor Values) Append(Tensor newKeys, Tensor newValues)
    {
        var tokens = newKeys.shape[2];
        _keys.narrow(2, cache.Length, tokens).copy_(newKeys);
        _values.narrow(2, cache.Length, tokens).copy_(newValues);
        return (_keys.narrow(2, 0, cache.Length + tokens), _values.narrow(2, 0, cache.Length + tokens));
    }

    public void Keep(Tensor index)
    {
        KeyValueCache.Keep(ref _keys, index);
        KeyValueCache.Keep(ref _values, index);
    }

    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }
}
