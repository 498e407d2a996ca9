using System.Text.Json;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;

namespace Pedigree.Api.Hosts;

/// <summary>
/// What the embedded host was last asked to do with a run, kept in the store: what was accepted is done, even if the server dies
/// before the run's first event.
/// </summary>
/// <param name="Spec">What to run.</param>
/// <param name="Origin">Path of the spec; relative paths begin at its folder.</param>
/// <param name="Wish">What to do with it.</param>
internal sealed record RunOrder(RunSpec Spec, string Origin, RunWish Wish)
{
    public const string FileName = "order.json";

    /// <summary>The spec as the run's host takes it.</summary>
    public SpecFile SpecFile => new(Origin, Path.GetDirectoryName(Origin)!, Spec);

    /// <exception cref="BadInputException">It is not as it was written.</exception>
    public static async Task<RunOrder?> ReadAsync(StoredRun run, CancellationToken cancellation)
    {
        if (await run.Store.ReadAsync(NameOf(run), cancellation: cancellation) is not { } content)
            return null;
        try
        {
            return JsonSerializer.Deserialize<RunOrder>(content, EventJson.Options);
        }
        catch (JsonException error)
        {
            throw new BadInputException(run.Store.AddressOf(NameOf(run)), error.Path,
                "is not as it was written; remove the file and ask again");
        }
    }

    public Task WriteAsync(StoredRun run, CancellationToken cancellation) =>
        run.Store.WriteAsync(NameOf(run), JsonSerializer.SerializeToUtf8Bytes(this, EventJson.Options), cancellation);

    public static Task RemoveAsync(StoredRun run, CancellationToken cancellation) =>
        run.Store.RemoveAsync(NameOf(run), cancellation);

    private static string NameOf(StoredRun run) => $"runs/{run.Id}/{FileName}";
}

/// <summary>What someone wishes to become of a run.</summary>
internal enum RunWish
{
    GoOn,
    Suspend,
    Terminate,
}
