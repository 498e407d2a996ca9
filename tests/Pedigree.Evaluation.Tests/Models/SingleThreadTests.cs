using Pedigree.Evaluation.Models;
using TorchSharp;
using Xunit;

namespace Pedigree.Evaluation.Tests.Models;

/// <summary>The number of threads belongs to the process, so that nothing may run beside these tests.</summary>
[CollectionDefinition(nameof(SingleThreadTests), DisableParallelization = true)]
[Collection(nameof(SingleThreadTests))]
public class SingleThreadTests
{
    [Fact]
    public void Of_several_that_ask_for_one_thread_the_last_to_go_puts_the_others_back()
    {
        var usual = torch.get_num_threads();
        torch.set_num_threads(3);
        try
        {
            var (first, second) = (new SingleThread(), new SingleThread());
            Assert.Equal(1, torch.get_num_threads());
            first.Dispose();
            first.Dispose();
            Assert.Equal(1, torch.get_num_threads());
            second.Dispose();
            Assert.Equal(3, torch.get_num_threads());
        }
        finally
        {
            torch.set_num_threads(usual);
        }
    }
}
