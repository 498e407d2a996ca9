using System.IO.MemoryMappedFiles;
using System.Runtime.Intrinsics;
using Microsoft.Win32.SafeHandles;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Benchmarks;

/// <summary>What one read of two models and one write of one cost on this machine, each in the fastest of several ways.</summary>
internal sealed unsafe class IoBound
{
    private const int Piece = 1 << 20;

    private readonly Way[] _reads;
    private readonly Way[] _writes;
    private readonly Way[] _writesApart;

    /// <param name="inputs">The models.</param>
    /// <param name="target">A folder for what is written.</param>
    public IoBound(IReadOnlyList<Checkpoint> inputs, string target)
    {
        var files = Files(inputs);
        var bytes = inputs[0].ByteLength;
        _reads =
        [
            new("mapped", () => Mapped(files)),
            new("read, 1 thread", () => ReadAll(files, 1)),
            new("read, 2 threads", () => ReadAll(files, 2)),
        ];
        Way To(int files, int threads, int piece) =>
            new($"{files} file(s), {threads} thread(s), {piece >> 10} KiB", () => WriteAll(target, bytes, files, threads, piece));
        _writes = [To(1, 1, Piece >> 2), To(1, 1, Piece), To(1, 2, Piece >> 2)];
        _writesApart = [To(2, 2, Piece >> 2), To(2, 2, Piece)];
    }

    /// <summary>The median of the read that is fastest.</summary>
    public Time Read => Fastest(_reads).Median;

    /// <summary>The median of the write that is fastest, into one file as a merge writes it.</summary>
    public Time Write => Fastest(_writes).Median;

    /// <summary>The same into two files at once.</summary>
    public Time WriteApart => Fastest(_writesApart).Median;

    /// <summary>All of it, and how.</summary>
    public string Told =>
        string.Join(", ", new[] { _reads, _writes, _writesApart }.Select(Fastest).Select(way => $"{way.Name} {way.Median}"));

    /// <summary>Goes every way once.</summary>
    /// <param name="prepare">Before each: as before whatever is compared with it.</param>
    public void Run(Action prepare)
    {
        foreach (var way in _reads.Concat(_writes).Concat(_writesApart))
        {
            prepare();
            way.Times.Add(Timing.Measure(way.Work));
        }
    }

    private static Way Fastest(Way[] ways) => ways.MinBy(way => way.Median.Elapsed)!;

    private sealed record Way(string Name, Action Work)
    {
        public List<Time> Times { get; } = [];

        public Time Median => Timing.Median(Times);
    }

    /// <summary>One read of all weights of two models that lie on disk only.</summary>
    public static Time ColdRead(string folder)
    {
        PageCache.Drop(folder);
        string[] files = [.. new[] { 1, 2 }
            .SelectMany(model => Directory.GetFiles(Path.Combine(folder, SampleModels.Name(model)), "*.safetensors"))];
        return Timing.Measure(() => ReadAll(files, 2));
    }

    /// <summary>Reads all weights once.</summary>
    public static void Touch(IReadOnlyList<Checkpoint> inputs) => ReadAll(Files(inputs), 2);

    private static string[] Files(IReadOnlyList<Checkpoint> inputs) =>
        [.. inputs.SelectMany(input => input.WeightFiles.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))
            .Select(name => Path.Combine(input.Folder, name)))];

    private static void Mapped(string[] files) =>
        Parallel.ForEach(files, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, path =>
        {
            using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            var sum = Vector512<ulong>.Zero;
            for (var at = 0L; at + 64 <= view.Capacity; at += 64)
                sum += Vector512.Load((ulong*)(start + at));
            GC.KeepAlive(Vector512.Sum(sum));
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        });

    private static void ReadAll(string[] files, int threads) =>
        Parallel.ForEach(files, new ParallelOptions { MaxDegreeOfParallelism = threads }, path =>
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[Piece >> 2];
            for (var at = 0L; RandomAccess.Read(file, buffer, at) is var read and > 0; at += read)
            {
            }
        });

    private static void WriteAll(string target, long bytes, int files, int threads, int piece)
    {
        Directory.CreateDirectory(target);
        var handles = new SafeFileHandle[files];
        for (var i = 0; i < files; i++)
            handles[i] = File.OpenHandle(Path.Combine(target, $"{i}"), FileMode.CreateNew, FileAccess.Write);
        var pieces = bytes / piece / files;
        Parallel.For(0, threads, thread =>
        {
            var buffer = new byte[piece];
            if (files > 1)
                for (var at = 0L; at < pieces; at++)
                    RandomAccess.Write(handles[thread], buffer, at * piece);
            else
                for (long at = thread; at < pieces; at += threads)
                    RandomAccess.Write(handles[0], buffer, at * piece);
        });
        foreach (var handle in handles)
            handle.Dispose();
    }
}
