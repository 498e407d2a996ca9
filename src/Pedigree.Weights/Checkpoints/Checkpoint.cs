using System.Text.Json.Nodes;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// A model in the Hugging Face layout: <c>config.json</c> and <c>model.safetensors</c>, or shards with
/// <c>model.safetensors.index.json</c>. The weights are read in stretches, never whole, so a model may be larger than memory.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private const int MaxConfigLength = 16_000_000;

    private readonly List<WeightFile> _files = [];
    private readonly Dictionary<string, Tensor> _byName = new(StringComparer.Ordinal);

    private Checkpoint(string folder, JsonObject config, IReadOnlyList<string> weightFiles)
    {
        Folder = Address = folder;
        Config = config;
        WeightFiles = weightFiles;
        CarriedFiles = [.. CheckpointFiles.Carried.Where(name => File.Exists(Path.Combine(folder, name)))];
    }

    /// <summary>Opens and fully validates a checkpoint folder; the weights themselves are not read.</summary>
    /// <exception cref="BadInputException">Anything malformed: names the file, the tensor and the byte.</exception>
    public static Checkpoint Open(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(folder))
            throw new BadInputException(folder, null, File.Exists(folder)
                ? "is a file; give the folder of the checkpoint" : "there is no such folder; give the folder of a checkpoint");
        var config = CheckpointFiles.ReadObject(Path.Combine(folder, CheckpointFiles.Config), MaxConfigLength);
        var (names, index) = CheckpointFiles.FindWeights(folder);
        var checkpoint = new Checkpoint(folder, config, names);
        try
        {
            foreach (var name in names.Where(name => name != CheckpointFiles.Index))
                checkpoint.Add(name, index);
            if (checkpoint._byName.Count == 0)
                throw new BadInputException(folder, null, "holds no tensors: its files of weights are empty");
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
        checkpoint.List();
        return checkpoint;
    }

    /// <summary>Opens one safetensors file that is no model: an adapter's.</summary>
    /// <exception cref="BadInputException">It is missing or malformed.</exception>
    internal static Checkpoint OpenFile(string path)
    {
        var checkpoint = new Checkpoint(Path.GetDirectoryName(Path.GetFullPath(path))!, [], [Path.GetFileName(path)]);
        try
        {
            checkpoint.Add(Path.GetFileName(path), null);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
        checkpoint.List();
        return checkpoint;
    }

    /// <summary>Tensors of open checkpoints under one roof; they stay those of the others, which must stay open.</summary>
    /// <param name="folder">Where the small files lie, and what errors name.</param>
    /// <param name="config">Its config.json.</param>
    /// <param name="tensors">Each name once.</param>
    internal static Checkpoint Of(string folder, JsonObject config, IEnumerable<Tensor> tensors)
    {
        var checkpoint = new Checkpoint(folder, config, []);
        foreach (var tensor in tensors)
            checkpoint._byName.Add(tensor.Name, tensor);
        checkpoint.List();
        return checkpoint;
    }

    /// <summary>A merged model whose weights lie in no file.</summary>
    /// <param name="like">An open checkpoint of the same configuration, whose small files are the model's too.</param>
    /// <param name="address">What errors call the model.</param>
    /// <param name="recipe">Its recipe.json.</param>
    /// <param name="tensors">Its tensors.</param>
    /// <param name="reader">Reads them; on several threads.</param>
    public static Checkpoint Of(
        Checkpoint like, string address, JsonObject recipe, IEnumerable<PlannedTensor> tensors, TensorReader reader)
    {
        var checkpoint = new Checkpoint(like.Folder, like.Config, []) { Address = address, Recipe = recipe };
        foreach (var tensor in tensors)
            checkpoint._byName.Add(tensor.Name, new(
                address, tensor.Name, tensor.DType, tensor.Shape, new CopiedWeights(tensor.Name, reader), 0, tensor.ByteLength));
        checkpoint.List();
        return checkpoint;
    }

    /// <summary>
    /// The folder of its files, absolute; of a model whose weights lie in no file the one that has such
    /// small files as it would have.
    /// </summary>
    public string Folder { get; }

    /// <summary>What errors call it.</summary>
    public string Address { get; private init; }

    /// <summary>The recipe.json of a model whose weights lie in no file; others may have one in their folder.</summary>
    internal JsonObject? Recipe { get; private init; }

    /// <summary>config.json.</summary>
    public JsonObject Config { get; }

    /// <summary>All tensors, by ordinal name.</summary>
    public IReadOnlyList<Tensor> Tensors { get; private set; } = [];

    /// <summary>
    /// Names of the tensors that a merge changes, those of floating-point numbers, by ordinal name; the
    /// others are carried through.
    /// </summary>
    public IReadOnlyList<string> MergedTensors =>
        [.. Tensors.Where(tensor => tensor.DType.IsMerged()).Select(tensor => tensor.Name)];

    /// <summary>Elements over all tensors.</summary>
    public long Parameters { get; private set; }

    /// <summary>Bytes over all tensors.</summary>
    public long ByteLength => Tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>
    /// Names of the files in <see cref="Folder"/> that hold the weights: the index, if there is one, then the shards.
    /// </summary>
    public IReadOnlyList<string> WeightFiles { get; }

    /// <summary>
    /// Names of the small files in <see cref="Folder"/> that a child takes over: config, generation config, tokenizer.
    /// </summary>
    public IReadOnlyList<string> CarriedFiles { get; }

    /// <summary>All files of the checkpoint, by name: <see cref="WeightFiles"/> and <see cref="CarriedFiles"/>.</summary>
    public IReadOnlyList<string> SourceFiles => [.. WeightFiles.Concat(CarriedFiles).Order(StringComparer.Ordinal)];

    /// <summary>The tensor of that name, or null.</summary>
    public Tensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Closes the files; no <see cref="Tensor"/> can be read afterwards.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
        _files.Clear();
    }

    private void List()
    {
        Tensors = [.. _byName.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        Parameters = Tensors.Sum(tensor => tensor.Count);
    }

    private void Add(string name, ShardIndex? index)
    {
        var path = Path.Combine(Folder, name);
        var handle = CheckpointFiles.Open(path);
        WeightFile file = new(path, handle);
        _files.Add(file);
        var (entries, dataStart) = SafetensorsHeader.Read(path, handle);
        index?.CheckShard(name, path, entries);
        foreach (var entry in entries)
            _byName.Add(entry.Name,
                new(path, entry.Name, entry.DType, entry.Shape, file, dataStart + entry.Begin, entry.End - entry.Begin));
    }
}
