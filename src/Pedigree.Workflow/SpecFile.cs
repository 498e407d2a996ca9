using Pedigree.Evolution;
using Pedigree.Weights.References;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow;

/// <summary>A spec as read and checked: what to run, and the folder that its relative paths start from.</summary>
/// <param name="Path">The file.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Spec">What it asks for.</param>
public sealed record SpecFile(string Path, string Folder, RunSpec Spec)
{
    /// <summary>Reads a spec in YAML or JSON, checks it, and loads its tasks. Nothing is written.</summary>
    /// <exception cref="Weights.BadInputException">Names the file, the field and what would be right.</exception>
    public static SpecFile Load(string path) => SpecReader.Read(path);

    /// <summary>The folder of a model of the spec; one that is on the hub only is fetched first.</summary>
    /// <exception cref="Weights.BadInputException">There is no such model.</exception>
    public Task<string> FolderOfAsync(string model, CancellationToken cancellation) =>
        ModelLocator.Default.FolderAsync(model, Folder, cancellation: cancellation);
}
