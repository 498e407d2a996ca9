using System.IO.MemoryMappedFiles;
using System.Runtime.Intrinsics;
using Microsoft.Win32.SafeHandles;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Benchmarks;

/// <summary>What one read of two models and one write of one cost on this machine, each in the fastest of several ways.</summary>
internal static unsafe class IoBound
{
    private const int Piece = 1 << 20;

    /// <summary>How long reading and writing take, and how.</summary>
    public static (Time Read, Time Write, string How) Measure(IReadOnlyList<Checkpoint> inputs, string target)
    {
        var files = Files(inputs);
        var bytes = inputs[0].ByteLength;
        var read = new[]
        {
            ("mapped", Timing.Measure(() => Mapped(files))),
            ("read, 1 thread", Timing.Measure(() => Read(files, 1))),
            ("read, 2 threads", Timing.Measure(() => Read(files, 2))),
        }.MinBy(way => way.Item2.Elapsed);
        var write = new[] { (1, 1, 1 << 18), (1, 2, 1 << 18), (2, 2, 1 << 18), (2, 2, Piece) }
            .Select(way => ($"{way.Item1} file(s), {way.Item2} thread(s), {way.Item3 >> 10} KiB", Write(target, bytes, way.Item1, way.Item2, way.Item3)))
            .MinBy(way => way.Item2.Elapsed);
        return (read.Item2, write.Item2, $"{read.Item1} {read.Item2} + {write.Item1} {write.Item2}");
    }

    /// <summary>One read of all weights of two models that lie on disk only.</summary>
    public static Time ColdRead(string folder)
    {
        PageCache.Drop(folder);
        string[] files = [.. new[] { 1, 2 }.SelectMany(model => Directory.GetFiles(Path.Combine(folder, SampleModels.Name(model)), "*.safetensors"))];
        return Timing.Measure(() => Read(files, 2));
    }

    /// <summary>Reads all weights once.</summary>
    public static void Touch(IReadOnlyList<Checkpoint> inputs) => Read(Files(inputs), 2);

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

    private static void Read(string[] files, int threads) =>
        Parallel.ForEach(files, new ParallelOptions { MaxDegreeOfParallelism = threads }, path =>
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[Piece >> 2];
            for (var at = 0L; RandomAccess.Read(file, buffer, at) is var read and > 0; at += read)
            {
            }
        });

    private static Time Write(string target, long bytes, int files, int threads, int piece)
    {
        Timing.Settle(target, 4 * bytes);
        Directory.CreateDirectory(target);
        var time = Timing.Measure(() =>
        {
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
        });
        Timing.Settle(target, 0);
        return time;
    }
}
