using System.Globalization;

namespace Pedigree.Cli;

/// <summary>How far a piece of work has come, how fast it goes, and when it will be done, in words.</summary>
/// <param name="clock">Tells the time.</param>
internal sealed class Pace(TimeProvider clock)
{
    private readonly Lock _saying = new();
    private (double Done, long Time)? _first;

    /// <summary>
    /// "43 %, 1.2 GB/s, 0:01:40 left" of <paramref name="bytes"/> in all, at the mean pace since the first call: what was done
    /// before it, by an interrupted process, took none of this one's time.
    /// </summary>
    public string Of(double done, long bytes)
    {
        lock (_saying)
        {
            _first ??= (done, clock.GetTimestamp());
            double seconds = clock.GetElapsedTime(_first.Value.Time).TotalSeconds;
            double since = done - _first.Value.Done;
            string words = string.Create(CultureInfo.InvariantCulture, $"{100 * done:0} %");
            return seconds <= 0 || since <= 0 ? words
                : $"{words}, {Size(since * bytes / seconds)}/s, {Time(seconds * (1 - done) / since)} left";
        }
    }

    /// <summary>Bytes in the unit that suits them.</summary>
    public static string Size(double bytes)
    {
        (string unit, double one) = bytes >= 1e9 ? ("GB", 1e9)
            : bytes >= 1e6 ? ("MB", 1e6)
            : bytes >= 1e3 ? ("kB", 1e3)
            : ("B", 1);
        return (bytes / one).ToString(bytes / one < 10 && one > 1 ? "0.0" : "0", CultureInfo.InvariantCulture) + $" {unit}";
    }

    /// <summary>Hours, minutes and seconds.</summary>
    public static string Time(double seconds) =>
        string.Create(CultureInfo.InvariantCulture,
            $"{Math.Floor(seconds / 3600):0}:{TimeSpan.FromSeconds(seconds % 3600):mm\\:ss}");
}
