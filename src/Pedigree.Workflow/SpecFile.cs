using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;
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
    /// <exception cref="BadInputException">Names the file, the field and what would be right.</exception>
    public static SpecFile Load(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        return SpecReader.Read(path, System.IO.Path.GetDirectoryName(path)!, ConfigurationReader.ReadFile(path)).WithTasks();
    }

    /// <summary>Reads a spec that is no file and checks it; nothing that it names is opened.</summary>
    /// <param name="name">What errors call it.</param>
    /// <param name="folder">Where its relative paths begin.</param>
    /// <param name="text">YAML or JSON.</param>
    /// <param name="evaluators">The only evaluators that it may name; null where it may describe any.</param>
    /// <exception cref="BadInputException">Names the field and what would be right.</exception>
    public static SpecFile Parse(
        string name, string folder, string text, IReadOnlyDictionary<string, EvaluatorSpec>? evaluators = null) =>
        SpecReader.Read(name, folder, ConfigurationReader.Parse(name, text), evaluators);

    /// <summary>The spec with the digest of every task, each of which is loaded.</summary>
    /// <param name="refusal">
    /// Says why a file or folder that a task names may not be read, before it is; null where all may.
    /// </param>
    /// <exception cref="BadInputException">A task is not right, cannot be averaged, or comes twice.</exception>
    public SpecFile WithTasks(Func<string, string?>? refusal = null) => SpecTasks.Digested(this, refusal);

    /// <summary>The folder of a model of the spec; one that is on the hub only is fetched first.</summary>
    /// <param name="model">The model as the spec names it.</param>
    /// <param name="stored">The folder of what the store has by that name, or null.</param>
    /// <param name="cancellation">Ends a download.</param>
    /// <exception cref="BadInputException">There is no such model.</exception>
    public Task<string> FolderOfAsync(string model, Func<string, Task<string?>> stored, CancellationToken cancellation) =>
        new ModelLocator(HubSettings.FromEnvironment(), stored)
            .FolderWithoutAdapterAsync(model, Folder, cancellation: cancellation);
}
