using System.Runtime.InteropServices;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed unsafe class ShardBytesTests
{
    [Fact]
    public void What_threads_leave_with_each_other_is_written_where_it_belongs_before_its_memory_is_used_again()
    {
        const int threads = 8, blocks = 500, length = 4096;
        using var folder = new TemporaryFolder();
        using (CheckpointWriter writer = new(folder["partial"], [new("w", DType.F32, [threads * blocks * length / 4])]))
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
            {
                var memory = (byte*)NativeMemory.Alloc(2 * length);
                ShardBytes[] two = [new(memory), new(memory + length)];
                for (var block = thread; block < threads * blocks; block += threads)
                {
                    var bytes = two[block / threads % 2];
                    bytes.Await();
                    new Span<int>(bytes.Start, length / 4).Fill(block);
                    writer.Write("w", (long)block * length, bytes, length);
                }
                foreach (var bytes in two)
                    bytes.Await();
                NativeMemory.Free(memory);
            });
            writer.AddFile("config.json", "{}"u8);
            writer.Complete(folder["model"]);
        }
        var written = MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(Path.Combine(folder["model"], "model.safetensors")).AsSpan()[^(threads * blocks * length)..]);
        for (var i = 0; i < written.Length; i++)
            Assert.Equal(i / (length / 4), written[i]);
    }

    [Fact]
    public void A_write_that_fails_is_told_and_nobody_waits_for_it_for_ever()
    {
        using var folder = new TemporaryFolder();
        using CheckpointWriter writer = new(folder["partial"], [new("w", DType.F32, [1024])]);
        // No shard can be begun where its folder is gone.
        Directory.Delete(folder["partial"], recursive: true);
        var memory = stackalloc byte[4096];
        ShardBytes bytes = new(memory);
        Assert.ThrowsAny<Exception>(() => writer.Write("w", 0, bytes, 4096));
        bytes.Await();
    }
}
