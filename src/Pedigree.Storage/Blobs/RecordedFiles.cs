using Pedigree.Weights;

namespace Pedigree.Storage.Blobs;

/// <summary>The files of a checkpoint and their SHA-256, as its <c>recipe.json</c> or <c>source.json</c> has them.</summary>
/// <param name="Sha256">SHA-256 by name.</param>
/// <param name="Marker">Content of that file, which is written last: only with it is there a checkpoint.</param>
/// <param name="MarkerIsPart">Whether it lies in the checkpoint's folder too, as <c>recipe.json</c> does.</param>
internal sealed record RecordedFiles(IReadOnlyDictionary<string, string> Sha256, byte[] Marker, bool MarkerIsPart)
{
    public static async Task<RecordedFiles?> ReadAsync(IStore store, string digest, CancellationToken cancellation)
    {
        if (await store.ReadAsync(StoreNames.Recipe(digest), cancellation: cancellation) is { } recipe)
            return OfChild(recipe, store.AddressOf(StoreNames.Recipe(digest)));
        return await AdmittedSource.ReadAsync(store, digest, cancellation) is { } source ? OfAdmitted(source) : null;
    }

    public static RecordedFiles OfAdmitted(AdmittedSource source) => new(
        source.Files.ToDictionary(file => file.Name, file => file.Sha256), source.ToJson(), false);

    /// <exception cref="BadInputException">The recipe is not as it was written.</exception>
    public static RecordedFiles OfChild(byte[] recipe, string address) =>
        new(ChildFiles.Parse(recipe, address).Files, recipe, true);
}
