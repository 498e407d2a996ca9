using Pedigree.Weights.Checkpoints;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Benchmarks;

/// <summary>A bf16 checkpoint as safetensors hands it to libtorch: whole files mapped, tensors views of them.</summary>
internal sealed class MappedModel : IDisposable
{
    private readonly List<Tensor> _files = [];
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    public MappedModel(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "*.safetensors").Order(StringComparer.Ordinal))
        {
            using var handle = File.OpenHandle(path);
            var (entries, start) = SafetensorsHeader.Read(path, handle);
            var file = from_file(path, shared: true, size: RandomAccess.GetLength(handle) / 2, dtype: ScalarType.BFloat16);
            _files.Add(file);
            foreach (var entry in entries)
                _tensors.Add(entry.Name, file.slice(0, (start + entry.Begin) / 2, (start + entry.End) / 2, 1).view(entry.Shape));
        }
    }

    /// <summary>The base and its four relatives.</summary>
    public static MappedModel[] All(string folder) =>
        [.. Enumerable.Range(0, 5).Select(model => new MappedModel(Path.Combine(folder, SampleModels.Name(model))))];

    public Tensor this[string name] => _tensors[name];

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values.Concat(_files))
            tensor.Dispose();
    }
}
