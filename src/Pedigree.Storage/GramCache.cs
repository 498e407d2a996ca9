using System.Text;
using Pedigree.Weights;
using Pedigree.Weights.Grams;

namespace Pedigree.Storage;

/// <summary>Gram rows by base, model and whether they were measured; a row grows with every model it is measured with.</summary>
/// <param name="store">
/// Where they are kept; null where nothing that was measured before is to be believed, and nothing is kept.
/// </param>
public sealed class GramCache(IStore? store)
{
    // Changes whenever the files do.
    private const int Version = 2;

    private readonly Dictionary<string, GramRow> _rows = new(StringComparer.Ordinal);

    /// <summary>The row of a model relative to a base; null where it is not known.</summary>
    /// <exception cref="BadInputException">Its file is not as it was written.</exception>
    public async Task<GramRow?> FindAsync(string ancestor, string model, bool measured, CancellationToken cancellation = default)
    {
        string name = NameOf(ancestor, model, measured);
        if (!_rows.TryGetValue(name, out GramRow? row)
            && store is not null
            && await store.ReadAsync(name, cancellation: cancellation) is { } content)
            _rows[name] = row = Parse(name, content);
        return row;
    }

    /// <summary>Adds what a row knows to what is known.</summary>
    public Task AddAsync(GramRow row, CancellationToken cancellation = default)
    {
        string name = NameOf(row.Base!, row.Model, row.Measured);
        if (store is null)
        {
            _rows[name] = _rows.TryGetValue(name, out GramRow? known) ? known.Union(row) : row;
            return Task.CompletedTask;
        }
        return store.UpdateAsync(name, known =>
        {
            GramRow whole = _rows[name] = known is null ? row : Parse(name, known).Union(row);
            return SealedJson.Seal(name, Encoding.UTF8.GetBytes(whole.ToJson()));
        }, cancellation);
    }

    private GramRow Parse(string name, byte[] content) =>
        GramRow.Parse(Encoding.UTF8.GetString(SealedJson.Open(store!, name, content).Span), store!.AddressOf(name));

    private static string NameOf(string ancestor, string model, bool measured) =>
        StoreNames.Gram(Hashing.Sha256($"{Version} {ancestor} {model} {(measured ? "measured" : "predicted")}"));
}
