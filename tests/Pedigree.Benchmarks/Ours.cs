using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Methods;

namespace Pedigree.Benchmarks;

/// <summary>What is measured of this project.</summary>
internal sealed class Ours : IDisposable
{
    private readonly Relative? _base;

    public Ours(string folder)
    {
        Relative Open(int model) =>
            new(SampleModels.Name(model), Checkpoint.Open(Path.Combine(folder, SampleModels.Name(model))));
        int[] written =
            [.. Enumerable.Range(0, 5).Where(model => Directory.Exists(Path.Combine(folder, SampleModels.Name(model))))];
        _base = written[0] == 0 ? Open(0) : null;
        Models = [.. written.Where(model => model > 0).Select(Open)];
    }

    public IReadOnlyList<Relative> Models { get; }

    public Checkpoint Base => (_base ?? Models[0]).Checkpoint;

    /// <summary>Reads all models once, so that whoever comes next finds them in the caches.</summary>
    public void Touch() => IoBound.Touch([Base, .. Models.Select(model => model.Checkpoint)]);

    public IReadOnlyList<GramRow> Kinship() => KinshipPass.Measure(_base, [], Models);

    /// <summary>
    /// Inner products unless <paramref name="rows"/> has them, sums, files written; not hashed, flushed or renamed, as the peers
    /// do none of that. The files are removed with what is returned.
    /// </summary>
    public CheckpointWriter Slerp(int first, int second, double t, string target, IReadOnlyList<GramRow>? rows)
    {
        var body = MergeBody.Parse(
            ConfigurationReader.Parse("benchmark", FormattableString.Invariant($"method: slerp\nparameters: {{t: {t}}}")));
        Relative[] parents = [Models[first - 1], Models[second - 1]];
        var recipe = new MergeRecipe(body, [.. parents.Select(parent => parent.Digest)], rows is null ? null : _base!.Digest);
        GramRow[]? known = rows is null ? null : [rows[first - 1], rows[second - 1]];
        var tensors = Merger.Plan(recipe, parents, null, known, 0, default, hold: true);
        return Write(tensors, target);
    }

    /// <summary>Checkpoints that a merge of the first models reads.</summary>
    public int Sources(string method, int models) => OriginOf(method) is null ? models : models + 1;

    /// <summary>
    /// Any method on the first models, their base being the base model: files written; not hashed, flushed or renamed.
    /// </summary>
    public IDisposable Merge(string method, int models, string parameters, string target)
    {
        var origin = OriginOf(method);
        var baseModel = origin is null ? "" : "\nbase_model: base";
        var body =
            MergeBody.Parse(ConfigurationReader.Parse("benchmark", $"method: {method}{baseModel}\nparameters: {{{parameters}}}"));
        Relative[] parents = [.. Models.Take(models)];
        var tensors = Merger.Plan(new(body, [.. parents.Select(parent => parent.Digest)], origin?.Digest), parents, origin,
            null, 0, default, hold: true);
        return Write(tensors, target);
    }

    /// <summary>The whole of a merge of the first two models, as the command does it: hashed, flushed, renamed.</summary>
    public void Publish(string method, string parameters, string target)
    {
        var body = MergeBody.Parse(ConfigurationReader.Parse("benchmark", $"method: {method}\nparameters: {{{parameters}}}"));
        Relative[] parents = [Models[0], Models[1]];
        Merger.Merge(new(body, [.. parents.Select(parent => parent.Digest)], null), parents, null, null, target);
    }

    private Relative? OriginOf(string method) =>
        MergeMethods.All.Single(one => one.Name == method).BaseModel is BaseModel.Origin or BaseModel.OptionalOrigin ? _base
            : null;

    // One file, as the peers write it: a file that is whole is hashed and flushed while the next is written.
    private static CheckpointWriter Write(IReadOnlyList<TensorMerge> tensors, string target)
    {
        var writer = new CheckpointWriter(
            target,
            [.. tensors.Select(tensor => new PlannedTensor(tensor.Name, tensor.Output, tensor.Sources[0].Shape))],
            long.MaxValue);
        Merger.Write(tensors, writer, 0, null, default);
        return writer;
    }

    public void Dispose()
    {
        _base?.Checkpoint.Dispose();
        foreach (var model in Models)
            model.Checkpoint.Dispose();
    }
}
