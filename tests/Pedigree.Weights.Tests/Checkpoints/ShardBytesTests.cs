using System.Collections.Concurrent;
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
                    bytes.Written.Wait();
                    new Span<int>(bytes.Start, length / 4).Fill(block);
                    writer.Write("w", (long)block * length, bytes, length);
                }
                Task.WaitAll(two.Select(bytes => bytes.Written));
                NativeMemory.Free(memory);
            });
            writer.AddFile("config.json", "{}"u8);
            writer.Complete(folder["model"]);
        }
        var written = MemoryMarshal.Cast<byte, int>(
            File.ReadAllBytes(Path.Combine(folder["model"], "model.safetensors")).AsSpan()[^(threads * blocks * length)..]);
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
        Assert.True(bytes.Written.IsCompleted);
    }

    [Fact]
    public void A_write_that_fails_ends_one_thread_and_what_the_others_left_is_written()
    {
        const int threads = 8, blocks = 100, length = 4096, rounds = 20;
        // Refused as a file is that may not be so large.
        const long nowhere = -1;
        for (var round = 0; round < rounds; round++)
        {
            using var folder = new TemporaryFolder();
            var plan = Assert.Single(ShardPlan.Divide([new("w", DType.U8, [(threads * blocks * length) + 1])], long.MaxValue));
            using ShardWriter shard = new(folder.Path, plan);
            ConcurrentQueue<Exception> failures = [];
            var done = new int[threads];
            Thread[] all = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() =>
            {
                var memory = (byte*)NativeMemory.Alloc(2 * length);
                ShardBytes[] two = [new(memory), new(memory + length)];
                try
                {
                    for (; done[thread] < blocks; done[thread]++)
                    {
                        var bytes = two[done[thread] % 2];
                        bytes.Written.Wait();
                        new Span<byte>(bytes.Start, length).Fill((byte)(thread + 1));
                        bytes.Leave(shard, thread == 0 && done[0] == blocks / 2 ? nowhere : plan.Header.Length + (length * ((long)blocks * thread + done[thread])), length);
                    }
                }
                catch (UnavailableException failure)
                {
                    failures.Enqueue(failure);
                }
                Task.WaitAll(two.Select(bytes => bytes.Written));
                new Span<byte>(memory, 2 * length).Clear();
                NativeMemory.Free(memory);
            }))];
            foreach (var thread in all)
                thread.Start();
            Assert.All(all, thread => Assert.True(thread.Join(TimeSpan.FromMinutes(1)), "a thread waits for bytes that nobody writes"));
            Assert.Contains("make room", Assert.Single(failures).Message);
            var written = File.ReadAllBytes(Directory.GetFiles(folder.Path).Single()).AsSpan(plan.Header.Length);
            for (var block = 0; block < threads * blocks; block++)
                if (block % blocks < done[block / blocks] && block != blocks / 2)
                    Assert.Equal(-1, written.Slice(block * length, length).IndexOfAnyExcept((byte)((block / blocks) + 1)));
        }
    }
}
