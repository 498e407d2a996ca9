using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed unsafe class WeightFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_mapped_and_what_is_copied_is_the_same(bool mapped)
    {
        var content = new byte[5_000_001];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_folder["weights"], content);
        var before = WeightFile.IsMapped;
        try
        {
            WeightFile.IsMapped = mapped;
            using WeightFile file = new(_folder["weights"], File.OpenHandle(_folder["weights"]));
            var buffer = new byte[300_000];
            fixed (byte* copy = buffer)
                for (var start = 1; start + buffer.Length <= content.Length; start += buffer.Length)
                {
                    var bytes = file.Fetch(start, buffer.Length, copy);
                    Assert.Equal(mapped, bytes != copy);
                    Assert.True(content.AsSpan(start, buffer.Length).SequenceEqual(new(bytes, buffer.Length)));
                }
        }
        finally
        {
            WeightFile.IsMapped = before;
        }
    }

    [Fact]
    public void The_first_large_file_tells_which()
    {
        var before = WeightFile.IsMapped;
        try
        {
            WeightFile.IsMapped = null;
            File.WriteAllBytes(_folder["large"], new byte[5_000_000]);
            new WeightFile(_folder["large"], File.OpenHandle(_folder["large"])).Dispose();
            Assert.NotNull(WeightFile.IsMapped);
        }
        finally
        {
            WeightFile.IsMapped = before;
        }
    }
}
