using System.Collections.Concurrent;
using System.Reflection;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests;

/// <summary>A store that counts what is read of its things.</summary>
public class CountingStore : DispatchProxy
{
    private IStore _store = null!;

    /// <summary>Name and number of bytes of every read.</summary>
    public ConcurrentQueue<(string Name, int Bytes)> Reads { get; } = [];

    public static (IStore Store, CountingStore Counts) Of(IStore store)
    {
        IStore proxy = Create<IStore, CountingStore>();
        ((CountingStore)proxy)._store = store;
        return (proxy, (CountingStore)proxy);
    }

    protected override object? Invoke(MethodInfo? method, object?[]? arguments)
    {
        object? result = method!.Invoke(_store, arguments);
        if (result switch
        {
            Task<byte[]?> read => read.GetAwaiter().GetResult(),
            Task<(byte[] First, long Length)?> read => read.GetAwaiter().GetResult()?.First,
            Task<Stream?> => throw new NotSupportedException("a stream is not counted"),
            _ => null,
        } is { } bytes)
            Reads.Enqueue(((string)arguments![0]!, bytes.Length));
        return result;
    }
}
