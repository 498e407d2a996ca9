using System.Security.Cryptography;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>Whether every checkpoint of a run is still, to the last bit, what the log says.</summary>
internal static class CheckpointAudit
{
    /// <exception cref="BadInputException">The first file that is not.</exception>
    public static void Verify(Store store, IReadOnlyList<RunEvent> events, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        foreach (RunEvent runEvent in events)
        {
            cancellation.ThrowIfCancellationRequested();
            if (runEvent is ModelAdmitted or MergeCompleted)
                progress?.Report(new WorkProgress("verify", runEvent is ModelAdmitted model ? model.Name : ((MergeCompleted)runEvent).Name, 0));
            if (runEvent is ModelAdmitted admitted)
                VerifyAdmitted(store, admitted);
            else if (runEvent is MergeCompleted merged)
                VerifyChild(store.Checkpoint(merged.Digest), merged);
        }
    }

    private static void VerifyAdmitted(Store store, ModelAdmitted admitted)
    {
        AdmittedSource source = AdmittedSource.Read(store, admitted.Digest)
            ?? throw new BadInputException(store.Source(admitted.Digest), null, $"is missing: it says where {admitted.Name} lies");
        CheckpointManifest recorded = new([.. source.Files.Select(file => new FileDigest(file.Name, file.Length, file.Sha256))]);
        if (recorded.ContentDigest != admitted.Digest)
            throw new BadInputException(store.Source(admitted.Digest), "files", $"is not what was recorded of {admitted.Name}");
        CheckpointDigest.Verify(source.Path, recorded);
    }

    private static void VerifyChild(string folder, MergeCompleted merged)
    {
        ChildFiles child = ChildFiles.Read(folder);
        string recipe = Path.Combine(folder, ChildFiles.Name);
        if (child.Digest != merged.Digest || child.RecipeDigest != merged.Digest)
            throw new BadInputException(recipe, "recipe", $"is not the one that {merged.Name} is named by");
        foreach ((string name, string sha256) in child.Files.OrderBy(file => file.Key, StringComparer.Ordinal))
            if (Sha256(Path.Combine(folder, name)) is var now && now != sha256)
                throw new BadInputException(Path.Combine(folder, name), null, $"was changed: its SHA-256 is {now}; {sha256} was recorded");
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        if (child.Content(checkpoint) is var content && content != merged.Content)
            throw new BadInputException(recipe, "files", $"gives the content digest {content}; {merged.Content} was recorded for {merged.Name}");
    }

    private static string Sha256(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BadInputException(path, null, "is missing, but the checkpoint's recipe.json has it");
        }
    }
}
