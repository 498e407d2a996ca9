using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public class PythonRandomTests
{
    [Fact]
    public void Draws_are_those_that_the_harness_makes()
    {
        var random = new PythonRandom(1234);
        Assert.Equal([6374, 3610, 957, 61, 742], random.Sample(7473, 5));
        Assert.Equal([7462, 6610, 4769, 286, 5501], random.Sample(7473, 5));
        Assert.Equal([5677, 687, 806, 6279, 2905], random.Sample(7473, 5));
    }

    [Fact]
    public void Small_populations_and_large_samples_are_drawn_as_CPython_does()
    {
        var random = new PythonRandom(1234);
        Assert.Equal([7, 1, 0], random.Sample(10, 3));
        Assert.Equal([1, 0, 9], random.Sample(10, 3));
        Assert.Equal([1, 5, 3], random.Sample(10, 3));
        random = new PythonRandom(1234);
        Assert.Equal([99, 56, 14, 0, 11, 74, 4, 85], random.Sample(100, 8));
        Assert.Equal([88, 10, 12, 98, 45, 30, 2, 3], random.Sample(100, 8));
        random = new PythonRandom(1234);
        Assert.Equal([56, 14, 0], random.Sample(64, 3));
        Assert.Equal([2, 18, 1, 20, 3], random.Sample(21, 5));
        Assert.Equal([11, 7, 0, 20, 19], random.Sample(22, 5));
    }
}
