namespace Pedigree.Cli.Tests;

public sealed class PaceTests
{
    [Fact]
    public void Bytes_per_second_and_the_time_left_are_those_since_the_first_news()
    {
        Clock clock = new();
        Pace pace = new(clock);
        Assert.Equal("40 %", pace.Of(0.4, 5_000_000_000));
        Assert.Equal("40 %", pace.Of(0.4, 5_000_000_000));
        clock.Seconds = 10;
        Assert.Equal("40 %", pace.Of(0.4, 5_000_000_000));
        Assert.Equal("60 %, 100 MB/s, 0:00:20 left", pace.Of(0.6, 5_000_000_000));
        clock.Seconds = 3600;
        Assert.Equal("70 %, 417 kB/s, 1:00:00 left", pace.Of(0.7, 5_000_000_000));
        Assert.Equal("100 %, 833 kB/s, 0:00:00 left", pace.Of(1, 5_000_000_000));
    }

    [Theory]
    [InlineData(1, 10, "10 %, 1 B/s, 0:00:09 left")]
    [InlineData(1, 12_345_678, "10 %, 1.2 MB/s, 0:00:09 left")]
    [InlineData(10_000, 987_000_000_000_000, "10 %, 9.9 GB/s, 25:00:00 left")]
    public void Sizes_and_times_are_in_the_unit_that_suits_them(double seconds, long bytes, string expected)
    {
        Clock clock = new();
        Pace pace = new(clock);
        pace.Of(0, bytes);
        clock.Seconds = seconds;
        Assert.Equal(expected, pace.Of(0.1, bytes));
    }

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long GetTimestamp() => (long)(Seconds * TimestampFrequency);
    }
}
