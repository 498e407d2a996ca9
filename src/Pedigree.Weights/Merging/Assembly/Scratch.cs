using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// Tensors that must be made before they can be merged: in files of a folder that goes away with it, never in memory whole.
/// </summary>
/// <param name="folder">The folder; null: nothing is made, the tensors have shapes but no weights.</param>
internal sealed class Scratch(string? folder) : IDisposable
{
    private readonly List<WeightFile> _files = [];

    /// <summary>Whether nothing is made.</summary>
    public bool IsDry => folder is null;

    /// <summary>Bytes of what was made, or would have been.</summary>
    public long Bytes { get; private set; }

    /// <summary>Makes one.</summary>
    /// <param name="before">What it is made of; it has that one's name and type.</param>
    /// <param name="shape">Its shape; the first size is the number of rows.</param>
    /// <param name="write">Writes the rows from the first index up to the second.</param>
    public Tensor Make(Tensor before, IReadOnlyList<long> shape, RowWriter write)
    {
        var planned = new PlannedTensor(before.Name, before.DType, shape);
        Bytes += planned.ByteLength;
        if (folder is null || planned.ByteLength == 0)
            return new(before.File, before.Name, before.DType, shape, null, 0, planned.ByteLength);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"{_files.Count}");
        var rowLength = planned.ByteLength / shape[0];
        var rows = (int)Math.Max(1, BlockLength / rowLength);
        using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
            FirstError.Of(() => Parallel.For(0L, (shape[0] + rows - 1) / rows, block =>
            {
                var start = block * rows;
                var bytes = new byte[Math.Min(rows, shape[0] - start) * rowLength];
                for (var row = 0; row < bytes.Length / rowLength; row++)
                    write(start + row, bytes.AsSpan((int)(row * rowLength), (int)rowLength));
                try
                {
                    RandomAccess.Write(file, bytes, start * rowLength);
                }
                catch (Exception error) when (DurableFiles.IsNoRoom(error))
                {
                    throw DurableFiles.NoRoom(path, planned.ByteLength, error);
                }
            }));
        WeightFile made = new(path, File.OpenHandle(path));
        _files.Add(made);
        return new(before.File, before.Name, before.DType, shape, made, 0, planned.ByteLength);
    }

    /// <summary>Removes the tensors.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        _files.Clear();
    }

    private const long BlockLength = 1 << 20;
}

/// <summary>Writes the bytes of one row of a tensor.</summary>
internal delegate void RowWriter(long row, Span<byte> bytes);
