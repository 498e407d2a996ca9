using System.Text.Json;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>The things of one run in a store.</summary>
public sealed class StoredRun
{
    private const string LogFile = "events.jsonl";

    /// <summary>The things of a run, begun or not.</summary>
    /// <exception cref="BadInputException">The id cannot name a run.</exception>
    public StoredRun(IStore store, string id)
    {
        if (!StoreNames.IsRun(id))
            throw new BadInputException(store.Address, "run",
                $"`{Shortened(id)}` cannot name a run: use letters, digits, '.', "
                + "'_' and '-', beginning with a letter or digit, at most 64");
        (Store, Id) = (store, id);
    }

    /// <summary>Ids of the runs of a store, in ordinal order.</summary>
    public static async Task<IReadOnlyList<string>> ListAsync(IStore store, CancellationToken cancellation = default) =>
        [.. (await store.ListAsync("runs", LogFile, cancellation)).Where(StoreNames.IsRun)];

    /// <summary>The store it is in.</summary>
    public IStore Store { get; }

    /// <summary>The run's id.</summary>
    public string Id { get; }

    /// <summary>Name of the event log.</summary>
    public string Log => $"runs/{Id}/{LogFile}";

    /// <summary>Name of the report.</summary>
    public string Report => $"runs/{Id}/report.html";

    /// <summary>What people and errors call the log.</summary>
    public string LogAddress => Store.AddressOf(Log);

    private string Stop => $"runs/{Id}/stop";

    private string OriginFile => $"runs/{Id}/spec.json";

    /// <summary>Whether the run was begun.</summary>
    public Task<bool> ExistsAsync(CancellationToken cancellation = default) => Store.ExistsAsync(Log, cancellation);

    /// <summary>Whether someone asked the run to end after its generation.</summary>
    public Task<bool> StopRequestedAsync(CancellationToken cancellation = default) => Store.ExistsAsync(Stop, cancellation);

    /// <summary>Asks the run to end after the generation it is in.</summary>
    public Task RequestStopAsync(CancellationToken cancellation = default) => Store.WriteAsync(Stop, default, cancellation);

    /// <summary>
    /// Path of the spec that the run was last taken up with; its relative paths begin there. Null where it is not known.
    /// </summary>
    public async Task<string?> OriginAsync(CancellationToken cancellation = default) =>
        await Store.ReadAsync(OriginFile, cancellation: cancellation) is { } content
            ? JsonSerializer.Deserialize<string>(content)
            : null;

    /// <summary>Keeps the path of the spec; only the run's writer may.</summary>
    public async Task WriteOriginAsync(string spec, CancellationToken cancellation = default)
    {
        if (await OriginAsync(cancellation) != spec)
            await Store.WriteAsync(OriginFile, (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(spec), (byte)'\n'], cancellation);
    }

    private static string Shortened(string id) => id.Length <= 80 ? id : $"{id[..80]}…";
}
