using System.Runtime.InteropServices;
using Xunit;

namespace Pedigree.Evaluation.Tests;

public class BatchingTests
{
    [Fact]
    public void The_longest_go_first_and_as_many_together_as_fit()
    {
        var batches = Batching.Split([3, 9, 4, 9, 2, 40, 5], 20);
        Assert.Equal([[5], [1, 3], [6, 2, 0, 4]], batches);
    }

    [Fact]
    public void Where_memory_runs_out_halves_are_tried_until_it_suffices()
    {
        var (tried, done) = (new List<int>(), new List<int>());
        Batching.Run([.. Enumerable.Range(0, 10)], places =>
        {
            tried.Add(places.Count);
            if (places.Count > 3)
                throw new ExternalException("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory");
            done.AddRange(places);
        });
        Assert.Equal(Enumerable.Range(0, 10), done);
        Assert.Equal([10, 5, 2, 3, 5, 2, 3], tried);
        Assert.Throws<ExternalException>(() => Batching.Run([0, 1], _ => throw new ExternalException("CUDA out of memory")));
        Assert.Throws<ExternalException>(
            () => Batching.Run([0, 1], places => throw new ExternalException($"of {places.Count} something else")));
    }
}
