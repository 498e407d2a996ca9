using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// A file of weights, open. Large stretches come from a mapping, or are copied: to map a page takes a tenth of the time of a copy
/// on most machines and ten times as long on some virtual ones, so the first large file of a process tells which.
/// </summary>
internal sealed unsafe class WeightFile : IWeights, IDisposable
{
    private const int Piece = 1 << 20;
    private const int Pieces = 4;

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly MappedFile? _mapping;

    /// <param name="path">Its name, for errors.</param>
    /// <param name="file">The file, which is closed with this.</param>
    public WeightFile(string path, SafeFileHandle file)
    {
        (_path, _file) = (path, file);
        if (RandomAccess.GetLength(file) >= Pieces * Piece && (IsMapped ??= IsQuickerMapped()))
            _mapping = new(file);
    }

    /// <summary>Whether this process maps large files; null as long as it has seen none.</summary>
    public static bool? IsMapped { get; set; }

    /// <summary>
    /// The bytes from <paramref name="start"/>: where they are mapped, or in <paramref name="buffer"/>. May be
    /// called on several threads.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file has become shorter since it was opened, or the disk fails; where it is mapped that ends the process.
    /// </exception>
    public byte* Fetch(long start, int length, byte* buffer)
    {
        if (_mapping is not null)
            return _mapping.Start + start;
        Read(start, new(buffer, length));
        return buffer;
    }

    /// <summary>Copies the bytes from <paramref name="start"/>. May be called on several threads.</summary>
    /// <exception cref="BadInputException">The file has become shorter since it was opened, or the disk fails.</exception>
    public void Read(long start, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var read = ReadSome(start, bytes);
            if (read == 0)
                throw new BadInputException(_path, null, $"now ends at byte {start}: it was changed while it was read");
            start += read;
            bytes = bytes[read..];
        }
    }

    public void Dispose()
    {
        _mapping?.Dispose();
        _file.Dispose();
    }

    private int ReadSome(long start, Span<byte> bytes)
    {
        try
        {
            return RandomAccess.Read(_file, bytes, start);
        }
        catch (IOException error)
        {
            throw new UnavailableException(_path, null, $"cannot be read: {error.Message}");
        }
    }

    // The best of several, each in the page cache when it is timed: a process that is interrupted does not decide.
    private bool IsQuickerMapped()
    {
        using MappedFile mapping = new(_file);
        var buffer = new byte[Piece];
        var (copy, map) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var at = 0; at < Pieces * Piece; at += Piece)
        {
            Read(at, buffer);
            var start = Stopwatch.GetTimestamp();
            Read(at, buffer);
            var copied = Stopwatch.GetTimestamp();
            var sum = 0;
            for (var page = 0; page < Piece; page += Environment.SystemPageSize)
                sum += Volatile.Read(ref mapping.Start[at + page]);
            GC.KeepAlive(sum);
            (copy, map) = (Least(copy, Stopwatch.GetElapsedTime(start, copied)), Least(map, Stopwatch.GetElapsedTime(copied)));
        }
        return map < copy;
    }

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
