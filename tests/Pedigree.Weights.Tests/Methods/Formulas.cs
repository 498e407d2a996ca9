using System.Security.Cryptography;
using System.Text;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>The published formulas in float64, one element after the other, on the δ of one tensor.</summary>
internal static class Formulas
{
    /// <summary>Ranks by magnitude, 0 for the largest; of equal ones the earlier is larger.</summary>
    public static int[] Ranks(double[] values)
    {
        var ranks = new int[values.Length];
        var order = Enumerable.Range(0, values.Length).OrderByDescending(i => Math.Abs(values[i])).ThenBy(i => i).ToArray();
        for (var rank = 0; rank < order.Length; rank++)
            ranks[order[rank]] = rank;
        return ranks;
    }

    public static double[] KeepRanks(double[] delta, long from, long to)
    {
        var ranks = Ranks(delta);
        return [.. delta.Select((value, i) => ranks[i] >= from && ranks[i] < to ? value : 0)];
    }

    public static double[] Largest(double[] delta, double density) => density >= 1 ? delta
        : KeepRanks(delta, 0, Math.Max(1, (long)Math.Floor(density * delta.Length)));

    /// <summary>Keeps each element with its own probability; the numbers are SplitMix64's.</summary>
    public static double[] AtRandom(double[] delta, Func<int, double> probability, long seed, string tensor, string model)
    {
        var key = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}\n{tensor}\n{model}")));
        return [.. delta.Select((value, i) =>
        {
            var state = unchecked(key + (((ulong)i / 2) + 1) * 0x9E3779B97F4A7C15);
            state = unchecked((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9);
            state = unchecked((state ^ (state >> 27)) * 0x94D049BB133111EB);
            state ^= state >> 31;
            var number = i % 2 == 0 ? (uint)state : state >> 32;
            return probability(i) >= 1 || number < Math.Round(probability(i) * Math.Pow(2, 32)) ? value : 0;
        })];
    }

    /// <summary>Multiplied so that the sum of the magnitudes is that of <paramref name="before"/>.</summary>
    public static double[] Enlarged(double[] after, double[] before)
    {
        var (whole, kept) = (before.Sum(Math.Abs), after.Sum(Math.Abs));
        return whole < 1e-7 || kept < 1e-7 ? after : [.. after.Select(value => value * whole / kept)];
    }

    /// <summary>
    /// Weighted, and added to <paramref name="origin"/> where the signs agree with the sum's or everywhere; NaN where a sum is
    /// too near 0 to have a sign.
    /// </summary>
    public static Element[] Mix(
        double[] origin, double[][] deltas, double[] weights, bool consensus, bool normalize, double lambda) =>
        [.. origin.Select((x, at) =>
        {
            double[] terms = [.. deltas.Select((delta, i) => weights[i] * delta[at])];
            var sum = terms.Sum();
            if (consensus && Math.Abs(sum) < 1e-6 * terms.Sum(Math.Abs))
                return new Element(double.NaN, 0);
            int[] kept =
                [.. Enumerable.Range(0, terms.Length).Where(i => !consensus || Math.Sign(terms[i]) == (sum >= 0 ? 1 : -1))];
            var divisor = kept.Sum(i => weights[i]);
            var factor = lambda / (normalize && Math.Abs(divisor) >= 1e-8 ? divisor : 1);
            return new Element(
                x + (factor * kept.Sum(i => terms[i])), Math.Abs(x) + Math.Abs(factor * kept.Sum(i => Math.Abs(terms[i]))));
        })];
}
