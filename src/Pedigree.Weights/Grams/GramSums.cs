namespace Pedigree.Weights.Grams;

/// <summary>What a pass over a base and n models found: for each tensor the products of vectors 0 … n, then their sums.</summary>
internal sealed class GramSums(
    int models, IReadOnlyList<string> tensors, IReadOnlyList<long> counts, IReadOnlyList<double[]> values)
{
    /// <summary>Names of the tensors.</summary>
    public IReadOnlyList<string> Tensors { get; } = tensors;

    /// <summary>Elements of each tensor.</summary>
    public IReadOnlyList<long> Counts { get; } = counts;

    /// <summary>Values kept of a tensor for a base and <paramref name="models"/> models.</summary>
    public static int Size(int models) => SumSlot(models, models + 1);

    /// <summary>Where ⟨row, column⟩ is kept; column ≤ row.</summary>
    public static int ProductSlot(int row, int column) => (row * (row + 1) / 2) + column;

    /// <summary>Where the sum of a vector's elements is kept.</summary>
    public static int SumSlot(int models, int vector) => ProductSlot(models + 1, 0) + vector;

    /// <summary>The values of a tensor from those of its blocks, in order.</summary>
    public static double[] Add(IEnumerable<double[]> blocks)
    {
        double[]? total = null;
        foreach (var block in blocks)
            if (total is null)
                total = block;
            else
                for (var i = 0; i < total.Length; i++)
                    total[i] += block[i];
        return total!;
    }

    /// <summary>The matrix of a tensor, from its values.</summary>
    public static TensorGram Tensor(int models, double[] values)
    {
        double Product(int row, int column) => values[ProductSlot(Math.Max(row, column), Math.Min(row, column))];
        var products = new double[models, models];
        for (var a = 0; a < models; a++)
            for (var b = 0; b < models; b++)
                products[a, b] = Product(a + 1, b + 1);
        return new(Product(0, 0), [.. Enumerable.Range(1, models).Select(model => Product(model, 0))], products);
    }

    /// <summary>⟨row, column⟩ of each tensor.</summary>
    public double[] Product(int row, int column) => Slot(ProductSlot(Math.Max(row, column), Math.Min(row, column)));

    /// <summary>The sum of a vector's elements in each tensor.</summary>
    public double[] Sum(int vector) => Slot(SumSlot(models, vector));

    private double[] Slot(int slot) => [.. values.Select(value => value[slot])];
}
