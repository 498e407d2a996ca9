using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Tests.Checkpoints;

namespace Pedigree.Weights.Tests.Grams;

/// <summary>A random base and descendants near it, on disk and open.</summary>
internal sealed class Family : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Family(DType dType, long[][] shapes, int models, int seed, DType? lastType = null, double scale = 0.3)
    {
        var tensors = shapes.Select((shape, i) => Model.Random($"t{i}", dType, shape, seed + i)).ToArray();
        Base = Open("base", tensors);
        Models = [.. Enumerable.Range(0, models).Select(model => Open($"m{model}", [.. tensors.Select((tensor, i) => Model.Random(
            tensor.Name, model == models - 1
                ? lastType ?? dType
                : dType, tensor.Shape, seed + 1000 + (model * 100) + i, scale, tensor.Elements))]))];
    }

    public Relative Base { get; }

    public IReadOnlyList<Relative> Models { get; }

    public string Path(string name) => _folder[name];

    public double[] Delta(int model) => [.. Base.Checkpoint.Tensors.SelectMany(tensor =>
        Model.Read(Models[model].Checkpoint.Find(tensor.Name)!).Zip(Model.Read(tensor), (x, y) => x - y))];

    public void Dispose()
    {
        foreach (var relative in Models.Append(Base))
            relative.Checkpoint.Dispose();
        _folder.Dispose();
    }

    private Relative Open(string name, Model.Values[] tensors) => new(name, Checkpoint.Open(Model.Write(_folder[name], tensors)));
}
