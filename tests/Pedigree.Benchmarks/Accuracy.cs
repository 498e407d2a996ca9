using System.Runtime.InteropServices;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Benchmarks;

/// <summary>How far results are from scalar float64, element by element.</summary>
internal static class Accuracy
{
    /// <summary>The largest relative error of any measure of any pair.</summary>
    public static double Kinship(Ours ours)
    {
        var gram = new Gram(ours.Kinship());
        var worst = 0.0;
        for (var a = 0; a < 4; a++)
            for (var b = 0; b < a; b++)
            {
                var (pearson, cosine, euclidean) = Scalar(ours.Base, ours.Models[a].Checkpoint, ours.Models[b].Checkpoint);
                foreach (var (measure, expected) in new[]
                {
                    (KinshipMeasure.Pearson, pearson), (KinshipMeasure.Cosine, cosine), (KinshipMeasure.Euclidean, euclidean),
                })
                    worst = Math.Max(worst, Math.Abs((gram.Kinship(measure, a, b) / expected) - 1));
            }
        return worst;
    }

    /// <summary>Fraction of a SLERP's elements that are not the correctly rounded float64 ones.</summary>
    public static double Misrounded(Ours ours, int first, int second, string target)
    {
        const double T = 0.3;
        var (a, b) = (ours.Models[first - 1].Checkpoint, ours.Models[second - 1].Checkpoint);
        var wrong = 0L;
        var whole = target + $"-{first}";
        using (var output = ours.Slerp(first, second, T, target, ours.Kinship()))
        {
            output.AddFile("config.json", "{}"u8);
            output.Complete(whole);
        }
        using (var child = Checkpoint.Open(whole))
            foreach (var tensor in child.Tensors)
                wrong += Misrounded(Bits(a.Find(tensor.Name)!), Bits(b.Find(tensor.Name)!), Bits(tensor), T);
        return (double)wrong / a.Parameters;
    }

    private static long Misrounded(ReadOnlySpan<ushort> a, ReadOnlySpan<ushort> b, ReadOnlySpan<ushort> merged, double t)
    {
        double aa = 0, bb = 0, ab = 0;
        for (var i = 0; i < a.Length; i++)
        {
            double x = Value(a[i]), y = Value(b[i]);
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
        var cosine = ab / (Math.Sqrt(aa) * Math.Sqrt(bb));
        var angle = Math.Acos(Math.Clamp(cosine, -1, 1));
        var (ca, cb) = Math.Abs(cosine) > 0.9995
            ? (1 - t, t)
            : (Math.Sin((1 - t) * angle) / Math.Sin(angle), Math.Sin(t * angle) / Math.Sin(angle));
        var wrong = 0L;
        for (var i = 0; i < a.Length; i++)
        {
            var exact = (ca * Value(a[i])) + (cb * Value(b[i]));
            var bits = merged[i];
            // Right if neither neighbour is nearer; of two equally near, the even one.
            var off = Math.Abs(Value(bits) - exact);
            foreach (var neighbour in new[] { (ushort)(bits - 1), (ushort)(bits + 1) })
            {
                var other = Math.Abs(Value(neighbour) - exact);
                if (other < off || (other == off && (bits & 1) == 1))
                    wrong++;
            }
        }
        return wrong;
    }

    private static (double Pearson, double Cosine, double Euclidean) Scalar(
        Checkpoint origin, Checkpoint first, Checkpoint second)
    {
        double count = 0, sumA = 0, sumB = 0, aa = 0, bb = 0, ab = 0, apart = 0;
        foreach (var tensor in origin.Tensors)
        {
            var (o, p, q) = (Bits(tensor), Bits(first.Find(tensor.Name)!), Bits(second.Find(tensor.Name)!));
            for (var i = 0; i < o.Length; i++)
            {
                var x = Value(p[i]) - Value(o[i]);
                var y = Value(q[i]) - Value(o[i]);
                count++;
                sumA += x;
                sumB += y;
                aa += x * x;
                bb += y * y;
                ab += x * y;
                apart += (x - y) * (x - y);
            }
        }
        return ((ab - (sumA * sumB / count)) / Math.Sqrt((aa - (sumA * sumA / count)) * (bb - (sumB * sumB / count))),
            ab / Math.Sqrt(aa * bb), Math.Sqrt(apart));
    }

    private static ushort[] Bits(Tensor tensor)
    {
        var bits = new ushort[tensor.Count];
        tensor.Read(0, MemoryMarshal.AsBytes(bits.AsSpan()));
        return bits;
    }

    private static double Value(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
