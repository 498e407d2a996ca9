using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;
using Pedigree.Api.Hosts;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;

namespace Pedigree.Api;

/// <summary>Files of a run's models.</summary>
internal static class RunModels
{
    public static async Task<Ok<IReadOnlyList<ModelFile>>> ListAsync(
        string id, string name, IStore store, IRunHost host, CancellationToken cancellation)
    {
        ModelFiles model = await FilesAsync(id, name, store, host, cancellation);
        return TypedResults.Ok(model.Files);
    }

    /// <summary>Only what the checkpoint's own list of files has is ever opened.</summary>
    public static async Task<FileStreamHttpResult> GetAsync(
        string id, string name, string file, IStore store, IRunHost host, CancellationToken cancellation)
    {
        ModelFiles model = await FilesAsync(id, name, store, host, cancellation);
        ModelFile found = model.Files.FirstOrDefault(each => each.Name == file)
            ?? throw RefusedException.NotFound("file",
                $"{name} has no such file; it has {string.Join(", ", model.Files.Select(each => each.Name))}");
        return TypedResults.Stream(
            await model.OpenAsync(found, cancellation),
            file.EndsWith(".json", StringComparison.Ordinal) ? "application/json" : "application/octet-stream",
            entityTag: new EntityTagHeaderValue($"\"{found.Sha256}\""),
            enableRangeProcessing: true);
    }

    private static async Task<ModelFiles> FilesAsync(
        string id, string name, IStore store, IRunHost host, CancellationToken cancellation)
    {
        RunState state = (await RunQueries.BegunAsync(store, host, id, cancellation)).State;
        Model model = (name == RunState.BaseName ? state.Base : state.Models.GetValueOrDefault(name))
            ?? throw RefusedException.NotFound("name", $"run `{id}` has no model `{name}`");
        return await ModelFiles.OfAsync(store, model.Digest, cancellation);
    }
}
