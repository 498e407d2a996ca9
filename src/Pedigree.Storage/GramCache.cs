using System.Security.Cryptography;
using System.Text;
using Pedigree.Weights.Grams;

namespace Pedigree.Storage;

/// <summary>Gram rows by base, model and whether they were measured; a row grows with every model it is measured with.</summary>
public sealed class GramCache(Store store)
{
    private readonly Dictionary<string, GramRow> _rows = new(StringComparer.Ordinal);

    /// <summary>The row of a model relative to a base; null where it is not known.</summary>
    /// <exception cref="Weights.BadInputException">Its file is not as it was written.</exception>
    public GramRow? Find(string ancestor, string model, bool measured)
    {
        string file = FileOf(ancestor, model, measured);
        if (!_rows.TryGetValue(file, out GramRow? row) && File.Exists(file))
            _rows[file] = row = GramRow.Parse(File.ReadAllText(file), file);
        return row;
    }

    /// <summary>Adds what a row knows to what was known.</summary>
    /// <returns>The file and the row to write to it.</returns>
    public (string File, GramRow Row) Add(GramRow row)
    {
        if (Find(row.Base!, row.Model, row.Measured) is { } known)
            row = known.Union(row);
        string file = FileOf(row.Base!, row.Model, row.Measured);
        _rows[file] = row;
        return (file, row);
    }

    private string FileOf(string ancestor, string model, bool measured) => store.Gram(Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{ancestor} {model} {(measured ? "measured" : "predicted")}"))));
}
