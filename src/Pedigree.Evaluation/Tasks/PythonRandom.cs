namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// Python's random.Random(seed), bit for bit: sample, so that few-shot examples are those that the harness draws, and
/// choices, so that its bootstrap draws the same items. The generator is MT19937 (Matsumoto and Nishimura 1998), seeded
/// by array as CPython does.
/// </summary>
internal sealed class PythonRandom
{
    private const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public PythonRandom(uint seed)
    {
        _state[0] = 19650218;
        for (var i = 1; i < Size; i++)
            _state[i] = 1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30)) + (uint)i;
        var place = 1;
        for (var round = 0; round < Size; round++)
        {
            _state[place] = (_state[place] ^ ((_state[place - 1] ^ (_state[place - 1] >> 30)) * 1664525)) + seed;
            place = Advance(place);
        }
        for (var round = 1; round < Size; round++)
        {
            _state[place] = (_state[place] ^ ((_state[place - 1] ^ (_state[place - 1] >> 30)) * 1566083941)) - (uint)place;
            place = Advance(place);
        }
        _state[0] = 0x80000000;
    }

    /// <summary>
    /// Draws <paramref name="count"/> different indices below <paramref name="population"/>, in the order drawn.
    /// </summary>
    public int[] Sample(int population, int count)
    {
        // CPython copies the population where that is cheaper than a set of what was drawn; the draws differ.
        var setSize = 21;
        if (count > 5)
            setSize += (int)Math.Pow(4, Math.Ceiling(Math.Log(count * 3, 4)));
        var drawn = new int[count];
        if (population <= setSize)
        {
            var pool = Enumerable.Range(0, population).ToArray();
            for (var i = 0; i < count; i++)
            {
                var place = Below(population - i);
                drawn[i] = pool[place];
                pool[place] = pool[population - i - 1];
            }
            return drawn;
        }
        var seen = new HashSet<int>();
        for (var i = 0; i < count; i++)
        {
            do
                drawn[i] = Below(population);
            while (!seen.Add(drawn[i]));
        }
        return drawn;
    }

    /// <summary>choices: as many places of a population as there is room for, each drawn from all of it.</summary>
    public void Choose(int population, int[] drawn)
    {
        for (var i = 0; i < drawn.Length; i++)
            drawn[i] = (int)(Fraction() * population);
    }

    /// <summary>random: evenly in [0, 1), of 53 bits.</summary>
    private double Fraction() => ((Next() >> 5) * 67108864.0 + (Next() >> 6)) * (1.0 / 9007199254740992.0);

    private int Below(int bound)
    {
        var bits = 32 - int.LeadingZeroCount(bound);
        uint value;
        do
            value = Next() >> (32 - bits);
        while (value >= bound);
        return (int)value;
    }

    private int Advance(int place)
    {
        if (++place < Size)
            return place;
        _state[0] = _state[Size - 1];
        return 1;
    }

    private uint Next()
    {
        if (_next == Size)
            Refill();
        var value = _state[_next++];
        value ^= value >> 11;
        value ^= (value << 7) & 0x9d2c5680;
        value ^= (value << 15) & 0xefc60000;
        return value ^ (value >> 18);
    }

    private void Refill()
    {
        for (var i = 0; i < Size; i++)
        {
            var mixed = (_state[i] & 0x80000000) | (_state[i + 1 < Size ? i + 1 : 0] & 0x7fffffff);
            _state[i] = _state[i + Shift < Size ? i + Shift : i + Shift - Size] ^ (mixed >> 1) ^ ((mixed & 1) * 0x9908b0df);
        }
        _next = 0;
    }
}
